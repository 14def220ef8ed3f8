//! `lobass score`.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass_core::{Detail, RowStatus};
use lobass_run::{Manifest, ModelKey, Plan, read_table, write_json_lines};
use serde_json::json;

use crate::args::ScoreArgs;
use crate::exit::Outcome;
use crate::inputs::{Sequences, told_in};
use crate::models::{Model, check_pair};
use crate::outputs::work_beside;
use crate::settings::Settings;
use crate::stages::{self, Reasons, TrainingRecord};
use crate::text::{Labelled, count};
use crate::ui::Ui;

pub(crate) fn score(args: &ScoreArgs, ui: Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let detail = if args.per_token { Detail::PerToken } else { Detail::Sum };
    let as_json_lines = match args.out.extension().and_then(|extension| extension.to_str()) {
        None | Some("parquet") => false,
        Some("jsonl") => true,
        Some(other) => {
            bail!("output `{}`: expected `.parquet` or `.jsonl`, found `.{other}`", args.out.display())
        }
    };
    if as_json_lines && args.per_token {
        bail!("output `{}`: losses per token are written to Parquet only", args.out.display());
    }

    let base = Model::open("base", &args.base, &settings.compute, ui)?;
    let reference = args
        .reference
        .as_deref()
        .map(|dir| Model::open("reference", dir, &settings.compute, ui))
        .transpose()?;
    let work = args.work.clone().unwrap_or_else(|| work_beside(&args.out));
    let record = args.reference.as_deref().map(TrainingRecord::read).transpose()?.flatten();
    let told = told(args, &work, record.as_ref())?;
    let config = base.checkpoint.config();
    let sequences = Sequences::open(&settings.data, &settings.sequences, &args.base, config, told, ui)?;
    if let Some(reference) = &reference {
        check_pair(&base, reference, sequences.encoder.tokenizer())?;
    }
    let models: Vec<&Model> = std::iter::once(&base).chain(&reference).collect();
    let plan = sequences.plan()?;
    if args.out.exists() {
        let keys: Vec<ModelKey> = models.iter().map(|model| model.key.clone()).collect();
        let outcome = done_before(&args.out, &plan, &keys, detail, ui)?;
        if args.work.is_none() {
            stages::clean_up(&work, plan)?;
        }
        return Ok(outcome);
    }

    let held_out = record.map(|record| record.held_out_rows(&plan)).unwrap_or_default();
    let threads = settings.compute.threads();
    let work = stages::encode(&sequences, &plan, &work, threads, ui)?;
    for model in &models {
        stages::score(&work, model, detail, threads, ui)?;
    }
    let report = if as_json_lines {
        let beside = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let dir = tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).context("beside the table")?;
        let parquet = dir.path().join("scores.parquet");
        let report = stages::seal(&work, &models, detail, &held_out, &parquet, ui)?;
        write_json_lines(&read_table(&parquet)?, &args.out)?;
        report
    } else {
        stages::seal(&work, &models, detail, &held_out, &args.out, ui)?
    };
    if args.work.is_none() {
        work.remove()?;
    }
    say(&args.out, &report.manifest, &report.reasons, ui)
}

/// The time that templates were told before: by an interrupted run, by the table that is there, or by the reference.
fn told(args: &ScoreArgs, work: &Path, record: Option<&TrainingRecord>) -> anyhow::Result<Option<String>> {
    if let Some(told) = told_in(work)? {
        return Ok(Some(told));
    }
    if args.out.exists() {
        return Ok(read_table(&args.out)?.manifest.template.now);
    }
    Ok(record.and_then(TrainingRecord::told))
}

/// A table that is there already is either this one or none of our business.
fn done_before(
    out: &Path,
    plan: &Plan,
    models: &[ModelKey],
    detail: Detail,
    ui: Ui,
) -> anyhow::Result<Outcome> {
    let table = read_table(out)?;
    let found = &table.manifest;
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
    let reasons = stages::first_reasons(&table.records);
    say(out, &table.manifest, &reasons, ui)
}

fn say(out: &Path, manifest: &Manifest, reasons: &Reasons, ui: Ui) -> anyhow::Result<Outcome> {
    let mut text = Labelled::default();
    text.line("scores", out.display());
    for (status, n) in &manifest.counts {
        let why = reasons.get(status).filter(|_| *status != RowStatus::HeldOut);
        let why =
            why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
        text.line("rows", format!("{} {status}{why}", count(*n)));
    }
    let json = json!({"scores": out, "manifest": manifest});
    ui.result(text, &json)?;
    Ok(Outcome::incomplete_if(stages::n_skipped(&manifest.counts) > 0))
}
