//! `lobass score`.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass_core::{ColumnSet, Detail, Numbers, RowStatus, ScoreColumns};
use lobass_llama::AdapterCheckpoint;
use lobass_run::{Manifest, ModelKey, Plan, ScoreFile, read_table, write_json_lines};
use serde::Serialize;
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
    if let Some(dir) = args.adapter.as_deref().filter(|dir| !AdapterCheckpoint::is_at(dir)) {
        bail!("adapter `{}`: expected a directory with adapter_config.json", dir.display());
    }
    let tuned = args.reference.as_deref().or(args.adapter.as_deref());
    let reference = tuned.map(|dir| base.open_tuned("reference", dir, &settings.compute, ui)).transpose()?;
    let work = args.work.clone().unwrap_or_else(|| work_beside(&args.out));
    let record = tuned.map(TrainingRecord::read).transpose()?.flatten();
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
        let outcome = done_before(&args.out, &plan, &keys, detail, settings.compute.threads(), ui)?;
        if args.work.is_none() {
            stages::clean_up(&work, plan)?;
        }
        return Ok(outcome);
    }

    let threads = settings.compute.threads();
    let work = stages::encode(&sequences, &plan, &work, threads, ui)?;
    for model in &models {
        stages::score(&work, model, detail, threads, ui)?;
    }
    let seal = stages::given(&base, reference.as_ref(), &work, detail)?;
    let report = if as_json_lines {
        let beside = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let dir = tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).context("beside the table")?;
        let parquet = dir.path().join("scores.parquet");
        let report = stages::seal(&work, &seal, &parquet, ui)?;
        write_json_lines(&read_table(&parquet)?, &args.out)?;
        report
    } else {
        stages::seal(&work, &seal, &args.out, ui)?
    };
    if args.work.is_none() {
        work.remove()?;
    }
    let margins = margins(&margin_columns(&ScoreFile::open(&args.out)?, threads)?);
    say(&args.out, &report.manifest, &report.reasons, margins, ui)
}

/// The time that templates were told before: by an interrupted run, by the table that is there, or by the reference.
fn told(args: &ScoreArgs, work: &Path, record: Option<&TrainingRecord>) -> anyhow::Result<Option<String>> {
    if let Some(told) = told_in(work)? {
        return Ok(Some(told));
    }
    if args.out.exists() {
        return Ok(ScoreFile::open(&args.out)?.manifest().template.now.clone());
    }
    Ok(record.and_then(TrainingRecord::told))
}

/// A table that is there already is either this one or none of our business.
fn done_before(
    out: &Path,
    plan: &Plan,
    models: &[ModelKey],
    detail: Detail,
    threads: usize,
    ui: Ui,
) -> anyhow::Result<Outcome> {
    let table = ScoreFile::open(out)?;
    let found = table.manifest();
    let digest = |key: &ModelKey| (key.role.clone(), key.weights_digest.clone(), key.dtype.clone());
    let scored_by: Vec<_> = found.models.iter().map(|record| digest(&record.model)).collect();
    let same = found.plan == plan.id()
        && scored_by == models.iter().map(digest).collect::<Vec<_>>()
        && found.per_token == (detail == Detail::PerToken);
    if !same {
        bail!(
            "`{}` was made from other data, models, or settings; remove it or use another name",
            out.display()
        );
    }
    ui.note(format!("{:16} done before: {}", "table", out.display()));
    let columns = margin_columns(&table, threads)?;
    say(out, found, &columns.reasons, margins(&columns), ui)
}

/// What the margins of a table of pairs are made of.
fn margin_columns(table: &ScoreFile, threads: usize) -> anyhow::Result<ScoreColumns> {
    let losses = ["base", "reference", "base_rejected", "reference_rejected"];
    let wanted = if table.manifest().pairs { ColumnSet::of_losses(losses) } else { ColumnSet::default() };
    Ok(table.columns(&wanted, 0, threads)?)
}

/// The implicit reward margins of a table of pairs, in nats: chosen minus rejected.
fn margins(columns: &ScoreColumns) -> Option<Margins> {
    let [base, reference, base_rejected, reference_rejected] =
        ["base", "reference", "base_rejected", "reference_rejected"].map(|name| columns.losses(name));
    let margin = |row: usize| {
        let reward = |base: &Numbers, tuned: &Numbers| Some(base.get(row)? - tuned.get(row)?);
        Some(reward(base, reference)? - reward(base_rejected, reference_rejected)?)
    };
    let (mut n, mut sum, mut above) = (0u64, 0.0, 0u64);
    for margin in (0..columns.len()).filter_map(margin) {
        n += 1;
        sum += margin;
        above += u64::from(margin > 0.0);
    }
    (n > 0).then(|| Margins { mean: sum / n as f64, accuracy: above as f64 / n as f64 })
}

/// What is said of the margins of all pairs.
#[derive(Debug, Clone, Copy, Serialize)]
struct Margins {
    mean: f64,
    /// The share of pairs whose chosen response has the larger implicit reward.
    accuracy: f64,
}

fn say(
    out: &Path,
    manifest: &Manifest,
    reasons: &Reasons,
    margins: Option<Margins>,
    ui: Ui,
) -> anyhow::Result<Outcome> {
    let mut text = Labelled::default();
    text.line("scores", out.display());
    for (status, n) in &manifest.counts {
        let why = reasons.get(status).filter(|_| *status != RowStatus::HeldOut);
        let why =
            why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
        text.line("rows", format!("{} {status}{why}", count(*n)));
    }
    if let Some(Margins { mean, accuracy }) = margins {
        let share = 100.0 * accuracy;
        text.line("margin", format!("{mean:+.3} nats on average, above zero for {share:.1} % of the pairs"));
    }
    let json = json!({"scores": out, "manifest": manifest, "margins": margins});
    ui.result(text, &json)?;
    Ok(Outcome::incomplete_if(stages::n_skipped(&manifest.counts) > 0))
}
