//! The command line that makes a score table.

use lobass_core::ModelRole;
use lobass_report::Command;
use lobass_run::{Manifest, ModelRecord};

use crate::shell::{quoted, quoted_path, quoted_source};

/// The command that makes a table with at most one reference. Tables with several references come from a run.
pub(super) fn table_command(scores: &str, manifest: &Manifest) -> Option<Command> {
    let base = of(manifest, &ModelRole::Base)?;
    match base.imported() {
        None => score(scores, manifest, base),
        Some(_) => import(scores, manifest, base),
    }
}

fn of<'a>(manifest: &'a Manifest, role: &ModelRole) -> Option<&'a ModelRecord> {
    manifest.models.iter().find(|model| model.role() == role)
}

fn score(scores: &str, manifest: &Manifest, base: &ModelRecord) -> Option<Command> {
    let reference = of(manifest, &ModelRole::REFERENCE);
    let has = |role| of(manifest, &role).is_some();
    let (unconditional, brier) = (has(ModelRole::BaseUnconditional), has(ModelRole::BaseBrier));
    let null = of(manifest, &ModelRole::NULL);
    let known =
        1 + [reference.is_some(), null.is_some(), unconditional, brier].into_iter().filter(|&is| is).count();
    let key = base.key().filter(|_| manifest.models.len() <= known)?;
    let mut line = format!("lobass score --base {}", quoted_path(key.path.as_ref()));
    if let Some(reference) = reference {
        line += &format!(" --reference {}", quoted_path(reference.name().as_ref()));
    }
    if let Some(null) = null {
        line += &format!(" --null {}", quoted_path(null.name().as_ref()));
    }
    line += &rows(manifest);
    line += &format!(" --dtype {} --device {}", key.dtype, key.device);
    if unconditional {
        line += " --context unconditional";
    }
    if brier {
        line += " --brier";
    }
    if manifest.per_token {
        line += " --per-token";
    }
    let what = "The score table, if the columns of the data were found by themselves, repeated rows were kept, and the chat \
                template was the checkpoint’s own; whether it is the same table its digest says";
    Some(Command { what: what.to_owned(), line: line + &format!(" --out {scores}") })
}

fn import(scores: &str, manifest: &Manifest, base: &ModelRecord) -> Option<Command> {
    let provenance = base.imported()?;
    let name = quoted_path(provenance.model.as_ref());
    let mut line = format!("lobass import --base {name} --program {}", quoted(&provenance.program));
    if let Some(version) = &provenance.version {
        line += &format!(" --program-version {}", quoted(version));
    }
    if let Some(dtype) = &provenance.dtype {
        line += &format!(" --losses-dtype {}", quoted(dtype));
    }
    line += &format!(" --base-losses {}", quoted_path(provenance.losses.as_ref()));
    if let Some(reference) = of(manifest, &ModelRole::REFERENCE).and_then(ModelRecord::imported) {
        let name = quoted(&reference.model);
        line += &format!(
            " --reference-losses {} --reference-name {name}",
            quoted_path(reference.losses.as_ref())
        );
    }
    line += &rows(manifest);
    if manifest.per_token {
        line += " --per-token";
    }
    let what = format!(
        "The score table, from losses that {} computed and lobass did not; `--base` is a checkpoint with the tokenizer and \
         the chat template of the model",
        provenance.program
    );
    Some(Command { what, line: line + &format!(" --out {scores}") })
}

/// The data, and how rows became sequences.
fn rows(manifest: &Manifest) -> String {
    let mut line = " --data".to_owned();
    for input in &manifest.inputs {
        line += &format!(" {}", quoted_source(&input.source, &input.path));
    }
    let encoding = &manifest.encoding;
    line += &format!(" --mask {}", encoding.mask);
    if encoding.max_length != usize::MAX {
        line += &format!(" --max-length {}", encoding.max_length);
    }
    if let Some(transform) = encoding.transform {
        line += &format!(" --transform {transform}");
    }
    line + &format!(" --overlong {}", encoding.overlong)
}
