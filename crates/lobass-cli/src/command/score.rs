//! `lobass score`.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lobass_core::Detail;
use lobass_run::{ModelKey, Plan, SealReport, read_table, write_json_lines};
use serde_json::json;

use crate::args::ScoreArgs;
use crate::exit::Outcome;
use crate::inputs::Sequences;
use crate::models::{Model, check_pair};
use crate::settings::Settings;
use crate::stages;
use crate::text::{Labelled, count};
use crate::ui::Ui;

pub(crate) fn score(args: &ScoreArgs, ui: Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let detail = if args.per_token { Detail::PerToken } else { Detail::Sum };
    let as_json_lines = args.out.extension().is_some_and(|extension| extension == "jsonl");
    if as_json_lines && args.per_token {
        bail!("output `{}`: losses per token are written to Parquet only", args.out.display());
    }

    let base = Model::open("base", &args.base, &settings.compute, ui)?;
    let reference = args
        .reference
        .as_deref()
        .map(|dir| Model::open("reference", dir, &settings.compute, ui))
        .transpose()?;
    let work = work_dir(&args.out);
    let config = base.checkpoint.config();
    let sequences =
        Sequences::open(&settings.data, &settings.sequences, &args.base, config, Some(&work), ui)?;
    if let Some(reference) = &reference {
        check_pair(&base, reference, sequences.encoder.tokenizer())?;
    }
    let models: Vec<&Model> = std::iter::once(&base).chain(&reference).collect();
    if args.out.exists() {
        let keys: Vec<ModelKey> = models.iter().map(|model| model.key.clone()).collect();
        return done_before(&args.out, &sequences.plan()?, &keys, detail, ui);
    }

    let threads = settings.compute.threads();
    let work = stages::encode(&sequences, &work, threads, ui)?;
    for model in &models {
        stages::score(&work, model, detail, threads, ui)?;
    }
    let report = if as_json_lines {
        let parquet = work_dir(&args.out).join("scores.parquet");
        let report = stages::seal(&work, &models, detail, &parquet, ui)?;
        write_json_lines(&read_table(&parquet)?, &args.out)?;
        report
    } else {
        stages::seal(&work, &models, detail, &args.out, ui)?
    };
    if !args.keep_work {
        work.remove()?;
    }
    say(&args.out, &report, ui)
}

/// `scores.parquet.work`.
fn work_dir(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".work");
    name.into()
}

/// A table that is there already is either this one or none of our business.
fn done_before(
    out: &Path,
    plan: &Plan,
    models: &[ModelKey],
    detail: Detail,
    ui: Ui,
) -> anyhow::Result<Outcome> {
    let found = read_table(out)?.manifest;
    let digests = |keys: &[ModelKey]| -> Vec<_> {
        keys.iter().map(|key| (key.role.clone(), key.weights_digest.clone(), key.dtype.clone())).collect()
    };
    let same = found.plan == plan.id()
        && digests(&found.models) == digests(models)
        && found.per_token == (detail == Detail::PerToken);
    if !same {
        bail!(
            "`{}` was made from other data, models, or settings; remove it or use another name",
            out.display()
        );
    }
    ui.note(format!("{:16} done before: {}", "table", out.display()));
    let report = SealReport { manifest: found, n_tokens: 0, n_scored: 0 };
    say(out, &report, ui)
}

fn say(out: &Path, report: &SealReport, ui: Ui) -> anyhow::Result<Outcome> {
    let manifest = &report.manifest;
    let mut text = Labelled::default();
    text.line("scores", out.display());
    for (status, n) in &manifest.counts {
        text.line("rows", format!("{} {status}", count(*n)));
    }
    let json = json!({"scores": out, "manifest": manifest});
    ui.result(text, &json)?;
    Ok(Outcome::incomplete_if(stages::n_skipped(manifest) > 0))
}
