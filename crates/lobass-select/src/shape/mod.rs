//! What a selection has to look like beside its budget.

mod groups;
mod guards;
mod named;
mod quota;
mod strata;

use lobass_core::{Numbers, ScoreColumns};

pub use groups::{Groups, Winner};
pub use guards::Guards;
pub use named::{NamedShares, SharesError};
pub(crate) use quota::allot;
pub use quota::{Quota, Shares};
pub use strata::Strata;

use crate::best::Ranking;

/// What a selection has to look like beside its budget. The parts are applied in the order in which they stand here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape {
    /// Least and largest values of a row that may be chosen.
    pub guards: Guards,
    /// Rows that are no candidates, for reasons of their own.
    pub exclusions: Vec<Exclusion>,
    /// Groups of which one row may be chosen.
    pub groups: Vec<Groups>,
    /// How much of the budget goes where.
    pub quota: Option<Quota>,
}

/// Rows that are no candidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Why, for a person.
    pub why: String,
    /// Whether a row is excluded, by position in the pool.
    pub rows: Vec<bool>,
}

/// Rows with losses that were left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Why, for a person.
    pub why: String,
    /// How many rows; each is counted for the first reason that it was left out for.
    pub n_rows: u64,
}

impl Shape {
    /// Takes away the scores of rows that may not be chosen. Quotas are applied later.
    pub(crate) fn apply(
        &self,
        columns: &ScoreColumns,
        ranking: Ranking<'_>,
        scores: &mut Numbers,
    ) -> Vec<LeftOut> {
        let mut left_out = self.guards.apply(columns, scores);
        for Exclusion { why, rows } in &self.exclusions {
            left_out.push(leave_out(scores, why.clone(), |row| rows.get(row) == Some(&true)));
        }
        for groups in &self.groups {
            let winners = groups.winners(columns, ranking, scores);
            left_out.push(leave_out(scores, groups.why(), |row| !winners.contains(row)));
        }
        left_out
    }
}

/// Takes the scores of some rows away, and counts those that had one.
pub(crate) fn leave_out(scores: &mut Numbers, why: String, is_out: impl Fn(usize) -> bool) -> LeftOut {
    let mut n_rows = 0;
    for row in 0..scores.len() {
        if scores.get(row).is_some() && is_out(row) {
            scores.set(row, None);
            n_rows += 1;
        }
    }
    LeftOut { why, n_rows }
}
