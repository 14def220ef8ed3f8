//! Writing a score table, and a report of it.

use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::{Labelled, count, counted};
use lobass_core::{ColumnSet, Detail, Numbers, RowStatus, ScoreColumns};
use lobass_run::{Manifest, ScoreFile, Seal, SealReport, WorkDir, read_table, write_json_lines};
use serde::Serialize;

use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;
use crate::scoring::{Reasons, n_skipped};

/// The format of the file of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Parquet.
    Parquet,
    /// JSON lines, without losses of tokens.
    JsonLines,
}

impl TableFormat {
    /// The format by the extension of the file.
    ///
    /// # Errors
    /// If the extension is unknown, or the format cannot hold losses of tokens.
    pub fn of(out: &Path, detail: Detail) -> Result<Self> {
        match out.extension().and_then(|extension| extension.to_str()) {
            None | Some("parquet") => Ok(Self::Parquet),
            Some("jsonl") if detail == Detail::PerToken => {
                bail!(Table, "output `{}`: losses per token are written to Parquet only", out.display())
            }
            Some("jsonl") => Ok(Self::JsonLines),
            Some(other) => {
                bail!(Table, "output `{}`: expected `.parquet` or `.jsonl`, found `.{other}`", out.display())
            }
        }
    }
}

/// Joins all units into a table. Up to `allow_quarantined` units that were given up may be missing.
///
/// # Errors
/// If units are missing, or the table cannot be written.
pub fn write_table(
    work: &WorkDir,
    seal: &Seal,
    allow_quarantined: usize,
    out: &Path,
    format: TableFormat,
    runtime: &Runtime,
) -> Result<SealReport> {
    write_as(format, out, runtime, |parquet| Ok(work.seal_without(seal, allow_quarantined, parquet)?))
}

/// Writes a table in a format by a function that writes Parquet, and says what is in it.
pub(crate) fn write_as(
    format: TableFormat,
    out: &Path,
    runtime: &Runtime,
    write: impl FnOnce(&Path) -> Result<SealReport>,
) -> Result<SealReport> {
    let report = match format {
        TableFormat::Parquet => write(out)?,
        TableFormat::JsonLines => {
            let beside = out.parent().filter(|parent| !parent.as_os_str().is_empty());
            let dir = tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).context("beside the table")?;
            let parquet = dir.path().join("scores.parquet");
            let report = write(&parquet)?;
            write_json_lines(&read_table(&parquet)?, out)?;
            report
        }
    };
    say(&report, runtime);
    Ok(report)
}

/// Notes the size of a table, and warns if its models compute the same.
pub(crate) fn say(report: &SealReport, runtime: &Runtime) {
    runtime.note(&format!(
        "{:16} {}, {} scored of {} tokens",
        "table",
        counted(report.manifest.n_rows, "row"),
        count(report.n_scored),
        count(report.n_tokens)
    ));
    if report.models_agree {
        runtime.warn(
            "every row has the same loss under both models: they compute the same, and scores made of both say \
             nothing; is the reference the model that was fine-tuned?",
        );
    }
}

/// The columns that margins need.
fn margin_columns(table: &ScoreFile, threads: usize) -> Result<ScoreColumns> {
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

/// The implicit reward margins of all pairs of a table.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Margins {
    /// The mean margin, in nats.
    pub mean: f64,
    /// The share of pairs whose chosen response has the larger implicit reward.
    pub accuracy: f64,
}

/// The report of a table.
#[derive(Debug, Serialize)]
pub struct TableReport {
    /// The file of the table.
    pub scores: PathBuf,
    /// The manifest of the table.
    pub manifest: Manifest,
    /// The margins of a table of pairs.
    pub margins: Option<Margins>,
    /// The first row of each status that has a reason, and the reason.
    #[serde(skip)]
    pub reasons: Reasons,
}

impl TableReport {
    /// The report of a table with its manifest; for a table of pairs, with their margins.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn new(out: &Path, manifest: &Manifest, reasons: &Reasons, threads: usize) -> Result<Self> {
        let margins = match manifest.pairs {
            true => margins(&margin_columns(&ScoreFile::open(out)?, threads)?),
            false => None,
        };
        Ok(Self { scores: out.to_owned(), manifest: manifest.clone(), margins, reasons: reasons.clone() })
    }

    /// Whether there are rows that could not be scored.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.manifest.counts) > 0
    }
}

impl fmt::Display for TableReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("scores", self.scores.display());
        for model in &self.manifest.models {
            if let Some(provenance) = model.imported() {
                text.line("imported", format!("{}: {provenance}", model.role()));
            }
        }
        for (status, n) in &self.manifest.counts {
            let why = self.reasons.get(status).filter(|_| *status != RowStatus::HeldOut);
            let why =
                why.map_or(String::new(), |(row, reason)| format!(", the first of them row {row}: {reason}"));
            text.line("rows", format!("{} {status}{why}", count(*n)));
        }
        self.manifest.unread.iter().for_each(|record| text.line("not read", record));
        if let Some(Margins { mean, accuracy }) = self.margins {
            let share = 100.0 * accuracy;
            text.line(
                "margin",
                format!("{mean:+.3} nats on average, above zero for {share:.1} % of the pairs"),
            );
        }
        if let Some(digest) = &self.manifest.digest {
            text.line("digest", format!("{} of all tokens and losses", &digest[..16]));
        }
        text.fmt(f)
    }
}
