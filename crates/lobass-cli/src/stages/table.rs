//! The score table: which file it is, writing it, and what is said of it.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass_core::{ColumnSet, Detail, Numbers, Observer as _, RowStatus, ScoreColumns};
use lobass_run::{Manifest, ScoreFile, Seal, SealReport, WorkDir, read_table, write_json_lines};
use serde::Serialize;
use serde_json::json;

use super::{Reasons, n_skipped};
use crate::exit::Outcome;
use crate::text::{Labelled, count, counted};
use crate::ui::Ui;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Parquet,
    JsonLines,
}

impl TableFormat {
    /// By the name of the file.
    pub(crate) fn of(out: &Path, detail: Detail) -> anyhow::Result<Self> {
        match out.extension().and_then(|extension| extension.to_str()) {
            None | Some("parquet") => Ok(Self::Parquet),
            Some("jsonl") if detail == Detail::PerToken => {
                bail!("output `{}`: losses per token are written to Parquet only", out.display())
            }
            Some("jsonl") => Ok(Self::JsonLines),
            Some(other) => {
                bail!("output `{}`: expected `.parquet` or `.jsonl`, found `.{other}`", out.display())
            }
        }
    }
}

/// Joins everything into a table, which may go without some units that were given up.
pub(crate) fn write_table(
    work: &WorkDir,
    seal: &Seal,
    allow_quarantined: usize,
    out: &Path,
    format: TableFormat,
    ui: &Ui,
) -> anyhow::Result<SealReport> {
    let report = match format {
        TableFormat::Parquet => work.seal_without(seal, allow_quarantined, out)?,
        TableFormat::JsonLines => {
            let beside = out.parent().filter(|parent| !parent.as_os_str().is_empty());
            let dir = tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).context("beside the table")?;
            let parquet = dir.path().join("scores.parquet");
            let report = work.seal_without(seal, allow_quarantined, &parquet)?;
            write_json_lines(&read_table(&parquet)?, out)?;
            report
        }
    };
    ui.note(&format!(
        "{:16} {}, {} scored of {} tokens",
        "table",
        counted(report.manifest.n_rows, "row"),
        count(report.n_scored),
        count(report.n_tokens)
    ));
    if report.models_agree {
        ui.warn(
            "every row has the same loss under both models: they compute the same, and scores made of both say \
             nothing; is the reference the model that was fine-tuned?",
        );
    }
    Ok(report)
}

/// What the margins of a table of pairs are made of.
fn margin_columns(table: &ScoreFile, threads: usize) -> anyhow::Result<ScoreColumns> {
    let losses = ["base", "reference", "base_rejected", "reference_rejected"];
    Ok(table.columns(&ColumnSet::of_losses(losses), 0, threads)?)
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

/// Says what is in a table that was written.
pub(crate) fn say_table(
    out: &Path,
    manifest: &Manifest,
    reasons: &Reasons,
    threads: usize,
    ui: &Ui,
) -> anyhow::Result<Outcome> {
    let margins =
        if manifest.pairs { margins(&margin_columns(&ScoreFile::open(out)?, threads)?) } else { None };
    let mut text = Labelled::default();
    text.line("scores", out.display());
    for (status, n) in &manifest.counts {
        let why = reasons.get(status).filter(|_| *status != RowStatus::HeldOut);
        let why =
            why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
        text.line("rows", format!("{} {status}{why}", count(*n)));
    }
    manifest.unread.iter().for_each(|record| text.line("not read", record));
    if let Some(Margins { mean, accuracy }) = margins {
        let share = 100.0 * accuracy;
        text.line("margin", format!("{mean:+.3} nats on average, above zero for {share:.1} % of the pairs"));
    }
    if let Some(digest) = &manifest.digest {
        text.line("digest", format!("{} of all tokens and losses", &digest[..16]));
    }
    let json = json!({"scores": out, "manifest": manifest, "margins": margins});
    ui.result(text, &json)?;
    Ok(Outcome::incomplete_if(n_skipped(&manifest.counts) > 0))
}
