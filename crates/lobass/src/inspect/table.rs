//! A row in a score table.

use std::fmt::Write as _;
use std::path::Path;

use lobass_core::{ModelRole, Observer as _};
use lobass_data::PoolRow;
use lobass_run::{Manifest, ModelRecord, ScoreFile};

use crate::error::{Context as _, Result, bail};
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::Sequences;

/// Refuses a table of other data, and warns if it has other tokens or weights.
pub(super) fn check(
    path: &Path,
    manifest: &Manifest,
    sequences: &Sequences,
    base: &Model,
    file: usize,
    runtime: &Runtime,
) -> Result<()> {
    let inputs = manifest.inputs.iter().map(Some).chain(std::iter::repeat(None));
    for (file, input) in sequences.pool.files().iter().zip(inputs).take(file + 1) {
        let (found, expected) =
            (file.fingerprint()?, input.map_or("no such file", |input| input.sha256.as_str()));
        if found != expected {
            bail!(
                Table,
                "score table `{}` was made from other data than `{}`: expected SHA-256 {expected}, found {found}",
                path.display(),
                file.path().display()
            );
        }
    }
    let encoder = &sequences.encoder;
    let of_base = manifest.models.iter().filter_map(ModelRecord::key).find(|key| key.role == ModelRole::Base);
    let differences = [
        (manifest.tokenizer != encoder.tokenizer().digest(), "tokenizer"),
        (manifest.template.digest != encoder.template().digest(), "chat template"),
        (manifest.encoding != *encoder.options(), "mask, maximal length, or rule for longer rows"),
        (of_base.is_some_and(|key| key.weights_digest != base.key.weights_digest), "base"),
    ];
    for (_, what) in differences.iter().filter(|(differs, _)| *differs) {
        runtime.warn(&format!("the score table was made with another {what} than what is shown here"));
    }
    Ok(())
}

/// The status and the mean losses of a row, in words.
pub(super) fn scored_as(path: &Path, table: &ScoreFile, row: &PoolRow) -> Result<String> {
    let record = table
        .record(row.row)?
        .with_context(|| format!("score table `{}` has no row {}", path.display(), row.row))?;
    if record.key != row.key {
        bail!(
            Table,
            "score table `{}`: expected key `{}` in row {}, found `{}`",
            path.display(),
            row.key,
            row.row,
            record.key
        );
    }
    let mut text = record.status.to_string();
    for (role, nll) in [("base", record.base), ("reference", record.reference)] {
        if let Some(mean) = nll.and_then(|nll| nll.mean()) {
            let _ = write!(text, ", {role} {mean:.4} nats per token");
        }
    }
    Ok(text)
}
