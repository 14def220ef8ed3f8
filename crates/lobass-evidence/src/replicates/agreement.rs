//! How much the scores under several references agree.

use serde::{Deserialize, Serialize};

use crate::markdown::table;

/// The ranking by one score table beside that by another, over the rows that both have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What the other table is.
    pub table: String,
    /// Rows that both have.
    pub n_rows: u64,
    /// How many of the best are compared.
    pub n_top: f64,
    /// How many of them are among the best of both.
    pub n_common: u64,
    /// Spearman's rank correlation of the scores.
    pub spearman: f64,
}

impl Agreement {
    /// How many of the best two independent rankings would have in common.
    pub fn n_by_chance(&self) -> f64 {
        self.n_top * self.n_top / self.n_rows as f64
    }
}

/// A line for each further table of each replicate.
pub(super) fn agreements(replicates: &[Vec<Agreement>]) -> Option<String> {
    let lines = replicates.iter().enumerate().flat_map(|(at, found)| found.iter().map(move |one| (at, one)));
    let mut rows: Vec<Vec<String>> = lines
        .map(|(at, one)| {
            vec![
                one.table.trim_start_matches("scores-").to_owned(),
                at.to_string(),
                format!("{:.3}", one.spearman),
                format!("{} of {:.0}", one.n_common, one.n_top),
                format!("{:.1}", one.n_by_chance()),
            ]
        })
        .collect();
    rows.sort();
    let headings = ["scores", "replicate", "rank correlation", "common rows at 6 %", "by chance"];
    (!rows.is_empty()).then(|| table(&headings, &rows))
}
