//! The report of LESS scores.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::RowStatus;
use lobass_core::readable::{Labelled, count, counted};
use serde::Serialize;
use serde_json::Value;

use crate::scoring::n_skipped;

/// The report of a file of LESS scores.
#[derive(Debug, Clone, Serialize)]
pub struct InfluenceReport {
    /// The file of the scores.
    pub scores: PathBuf,
    /// Rows with a score.
    pub n_scored: u64,
    /// Rows without a score, by status.
    pub missing: BTreeMap<RowStatus, u64>,
    /// The manifest of the file: everything that the scores depend on.
    pub manifest: Value,
    /// The name of each target task, and the number of its rows that have a gradient.
    #[serde(skip)]
    pub tasks: Vec<(String, usize)>,
}

impl InfluenceReport {
    /// Whether there are rows that could not be scored.
    pub fn falls_short(&self) -> bool {
        n_skipped(&self.missing) > 0
    }
}

impl fmt::Display for InfluenceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scored(&self.scores, self.n_scored, &self.missing, &self.tasks).fmt(f)
    }
}

/// The lines about a file of scores: its name, the rows by status, and the targets.
pub(super) fn scored(
    scores: &Path,
    n_scored: u64,
    missing: &BTreeMap<RowStatus, u64>,
    tasks: &[(String, usize)],
) -> Labelled {
    let mut text = Labelled::default();
    text.line("scores", scores.display());
    text.line("rows", format!("{} scored", count(n_scored)));
    for (status, n) in missing {
        text.line("rows", format!("{} {status}", count(*n)));
    }
    for (name, n_rows) in tasks {
        text.line("targets", format!("{name}, of {}", counted(*n_rows as u64, "row")));
    }
    text
}
