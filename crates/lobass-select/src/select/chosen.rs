//! The result of a selection.

use lobass_core::{Numbers, ScoreColumns, Selected, Selection};

use super::parts::StratumShare;
use super::request::Request;
use crate::best::{Candidate, Limit, Ranking, best_of_all};
use crate::shape::LeftOut;

/// A selection, the scores that decided it, and what its shape did.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The chosen rows.
    pub selection: Selection,
    /// The score in words, with what changes it.
    pub score: String,
    /// The score of every candidate, as it was ranked by: with shrinkage, and missing for each row that was left out.
    pub scores: Numbers,
    /// Nats that were added to the denominator of every score.
    pub shrinkage: Option<f64>,
    /// Rows with losses that were no candidates, and why.
    pub left_out: Vec<LeftOut>,
    /// The share of each part of the pool, if there is a quota.
    pub strata: Vec<StratumShare>,
}

impl Chosen {
    /// Every candidate by its rank, whether or not it was chosen. `n log n` in the candidates.
    ///
    /// - `columns`: with hashes of keys, or else equal scores are in the order of the pool
    pub fn ranked(&self, columns: &ScoreColumns) -> Vec<Selected> {
        let ranking = Ranking::new(columns, columns.into(), self.selection.direction);
        best_of_all(ranking, &self.scores, Limit::Rows(usize::MAX)).into_iter().map(selected).collect()
    }
}

/// The chosen rows, in order.
pub(super) fn selection(
    columns: &ScoreColumns,
    request: &Request<'_>,
    direction: lobass_core::Direction,
    scores: &Numbers,
    rows: Vec<Candidate>,
) -> Selection {
    Selection {
        strategy: request.strategy.name().to_owned(),
        direction,
        budget: request.budget,
        seed: columns.seed,
        n_rows: columns.len() as u64,
        n_eligible: scores.iter().flatten().count() as u64,
        n_tokens: rows.iter().map(|candidate| columns.n_tokens_read(candidate.at as usize)).sum(),
        selected: rows.into_iter().map(selected).collect(),
    }
}

fn selected(candidate: Candidate) -> Selected {
    Selected { row: candidate.at.into(), score: candidate.score }
}
