//! The shape of a selection, beside its budget.

mod groups;
mod guards;
mod named;
mod quota;
mod strata;

use lobass_core::{Direction, Numbers, ScoreColumns};

pub use groups::{Groups, Winner};
pub use guards::Guards;
pub use named::{NamedShares, SharesError};
pub(crate) use quota::allot;
pub use quota::{Quota, Shares};
pub use strata::Strata;

use crate::best::Ranking;

/// The shape of a selection, beside its budget. The parts are applied in the order of the fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape {
    /// Least and largest values of a row that may be chosen.
    pub guards: Guards,
    /// Rows that are no candidates, for reasons of their own.
    pub exclusions: Vec<Exclusion>,
    /// How many responses to one prompt may be chosen.
    pub responses: Responses,
    /// Groups of which one row may be chosen.
    pub groups: Vec<Groups>,
    /// How much of the budget goes where.
    pub quota: Option<Quota>,
}

/// How many responses to one prompt may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Responses {
    /// As the strategy has it: its best one for a strategy that needs prompts, all of them for the others.
    #[default]
    AsStrategy,
    /// The best one by the strategy.
    Best,
    /// That with the lowest loss per scored token under the base (GRAPE, arXiv 2502.04194).
    MostProbable,
}

impl Responses {
    /// Which response to a prompt may be chosen, if only one may be.
    ///
    /// - `by_prompt`: the direction of a strategy that chooses among the responses to a prompt. Its best response is the
    ///   same, whichever end of the prompts is kept.
    pub(crate) fn winner(self, by_prompt: Option<Direction>) -> Option<Winner> {
        match (self, by_prompt) {
            (Self::MostProbable, _) => Some(Winner::MostProbable),
            (_, Some(direction)) => Some(Winner::First(direction)),
            (Self::Best, None) => Some(Winner::BestRanked),
            (Self::AsStrategy, None) => None,
        }
    }
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
    /// Every row may be chosen.
    pub(crate) const ANY: Self = Self {
        guards: Guards {
            min_scored: None,
            min_base_loss: None,
            max_reference_quantile: None,
            shrinkage: None,
        },
        exclusions: Vec::new(),
        responses: Responses::AsStrategy,
        groups: Vec::new(),
        quota: None,
    };

    /// Takes away the scores of rows that may not be chosen. Quotas are applied later.
    ///
    /// - `prompts`: the prompt of each row, and which of its responses may be chosen, if only one may be
    pub(crate) fn apply(
        &self,
        columns: &ScoreColumns,
        prompts: Option<(&[u32], Winner)>,
        ranking: Ranking<'_>,
        scores: &mut Numbers,
    ) -> Vec<LeftOut> {
        let mut left_out = self.guards.apply(columns, scores);
        for Exclusion { why, rows } in &self.exclusions {
            left_out.push(leave_out(scores, why.clone(), |row| rows.get(row) == Some(&true)));
        }
        let prompts = prompts.map(|(of, winner)| ("the same prompt", of, winner));
        let groups = self.groups.iter().map(|one| (one.share.as_str(), one.of.as_slice(), one.winner));
        for (share, of, winner) in prompts.into_iter().chain(groups) {
            let winners = winner.rows(of, columns, ranking, scores);
            left_out.push(leave_out(scores, winner.why(share), |row| !winners.contains(row)));
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
