//! Keeping the best within a budget.

use crate::best::{Best, Candidate, Limit, Ranking};
use crate::diverse::Vectors;
use crate::error::{Reasons, SelectError};
use crate::matched::length_matched;
use crate::needs;
use crate::parts::{StratumShare, best_of_each, sets_of_each};
use crate::sets::{Chooser, Sets};
use crate::shape::{LeftOut, Shape, leave_out};
use crate::strategy::Strategy;
use crate::trajectory::{clustered, features};
use lobass_core::{Budget, Direction, Numbers, Score, ScoreColumns, Selected, Selection};

/// How much to keep, and of which end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// How much to keep.
    pub budget: Budget,
    /// Which end of the score is kept; without one, the strategy's own. `s2l` and turns of tasks have no other end. Of
    /// `length-matched-random` it is the end of the other strategy, whose lengths are drawn.
    pub direction: Option<Direction>,
}

/// A selection, the scores that decided it, and what its shape did.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaped {
    /// The chosen rows.
    pub selection: Selection,
    /// The score of every candidate, as it was ranked by: with shrinkage, and missing for each row that was left out.
    pub scores: Numbers,
    /// Nats that were added to the denominator of every score.
    pub shrinkage: Option<f64>,
    /// Rows with losses that were no candidates, and why.
    pub left_out: Vec<LeftOut>,
    /// What each part of the pool got, if there is a quota.
    pub strata: Vec<StratumShare>,
}

impl Shaped {
    /// Every candidate by its rank, whether or not it was chosen. `n log n` in the candidates.
    pub fn ranked(&self, columns: &ScoreColumns) -> Vec<Selected> {
        let ranking = Ranking::new(columns, self.selection.direction);
        let ranked = best_of_all(ranking, &self.scores, Limit::Rows(usize::MAX));
        ranked.into_iter().map(selected).collect()
    }
}

/// Ranks the rows of a table and keeps the best of them.
///
/// Equal scores are ordered by a seeded hash of the key, never by their place in the file. A token budget takes rows
/// in rank order and stops before the first that does not fit. If fewer rows are eligible than the budget asks for,
/// all of them are kept; [`Selection::n_eligible`] tells.
///
/// Linear in the rows for either kind of budget, and `k log k` in the rows that are kept. Beside the columns it takes
/// 8 bytes for each row of the table, and 32 for each that is kept, or 16 if that is most of them.
///
/// # Errors
/// [`SelectError::NoReference`], [`SelectError::NoUnconditional`], or [`SelectError::NoPairs`] if the strategy needs
/// losses or pairs and no row has any, [`SelectError::NothingEligible`] if no row has a score.
pub fn select(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
) -> Result<Selection, SelectError> {
    Ok(select_shaped(columns, strategy, request, &Shape::default())?.selection)
}

/// As [`select`], of rows that a [`Shape`] allows, and as much of each part of the pool as it says.
///
/// The parts of a budget are rounded by largest remainder; what a part has no rows for goes to the others by their
/// weights. With tokens, each part stops before the first row that does not fit into its share.
///
/// # Errors
/// As [`select`], and [`SelectError::UnguardedModel`] or [`SelectError::Shrinkage`] if a guard means nothing here,
/// [`SelectError::Direction`] if the strategy has no other end.
pub fn select_shaped(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
    shape: &Shape,
) -> Result<Shaped, SelectError> {
    select_sets(columns, strategy, request, shape, None)
}

/// As [`select_shaped`], and rows differ as [`Sets`] say; they are in the order in which they were chosen. With a quota,
/// the rows of each part differ among themselves.
///
/// # Errors
/// As [`select_shaped`], and [`SelectError::TwoSets`] for a strategy that chooses sets by itself.
///
/// # Panics
/// If there is not a vector for each row.
pub fn select_sets(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
    shape: &Shape,
    sets: Option<Sets<'_>>,
) -> Result<Shaped, SelectError> {
    if let Strategy::LengthMatchedRandom(other) = strategy {
        return matched(columns, strategy, other, request, shape, sets);
    }
    needs::check(columns, strategy, shape)?;
    needs::check_sets(strategy, request, sets.as_ref())?;
    let info = strategy.info();
    let direction = request.direction.unwrap_or(info.direction);
    let ranking = Ranking::new(columns, direction);
    let (mut scores, mut left_out) = candidates(columns, strategy, ranking, shape)?;
    let features = clustered(strategy).map(|checkpoints| features(columns, checkpoints));
    let chooser = match &features {
        Some((values, dim)) => Some(Chooser::Clusters(Vectors::new(values, *dim))),
        None => sets.map(Chooser::Variety),
    };
    let (ranked, strata) = match (&chooser, &shape.quota) {
        (Some(chooser), quota) => {
            let quota = quota.as_ref();
            let (chosen, strata, n_without) =
                sets_of_each(columns, ranking, &mut scores, request.budget, quota, chooser);
            if n_without > 0 {
                left_out.push(LeftOut { why: "without a vector".to_owned(), n_rows: n_without as u64 });
            }
            if !scores.has_any() {
                return Err(nothing_eligible(columns, strategy, left_out));
            }
            (chosen, strata)
        }
        (None, None) => {
            let limit = limit(request.budget, columns.len() as u64);
            (best_of_all(ranking, &scores, limit), Vec::new())
        }
        (None, Some(quota)) => best_of_each(columns, ranking, &scores, request.budget, quota),
    };
    let selection = selection(columns, strategy, direction, request.budget, &scores, ranked);
    Ok(Shaped { selection, scores, shrinkage: shape.guards.shrinkage, left_out, strata })
}

/// Random rows with the lengths of what another strategy selects.
fn matched(
    columns: &ScoreColumns,
    strategy: &Strategy,
    other: &Strategy,
    request: &Request,
    shape: &Shape,
    sets: Option<Sets<'_>>,
) -> Result<Shaped, SelectError> {
    if sets.is_some() {
        return Err(SelectError::TwoSets { strategy: strategy.to_string() });
    }
    let like = select_shaped(columns, other, request, shape)?;
    let Shaped { selection: like, scores, left_out, mut strata, .. } = like;
    let parts = shape.quota.as_ref().map(|quota| &quota.strata);
    let (ranked, scores) = length_matched(columns, &scores, &like, parts);
    for (part, share) in (0u32..).zip(&mut strata) {
        let is_of_part = |one: &&Candidate| parts.is_some_and(|parts| parts.of[one.at as usize] == part);
        share.n_selected = ranked.iter().filter(is_of_part).count() as u64;
    }
    let direction = strategy.info().direction;
    let selection = selection(columns, strategy, direction, request.budget, &scores, ranked);
    Ok(Shaped { selection, scores, shrinkage: None, left_out, strata })
}

fn selection(
    columns: &ScoreColumns,
    strategy: &Strategy,
    direction: Direction,
    budget: Budget,
    scores: &Numbers,
    ranked: Vec<Candidate>,
) -> Selection {
    Selection {
        strategy: strategy.info().name.to_owned(),
        direction,
        budget,
        seed: columns.seed,
        n_rows: columns.len() as u64,
        n_eligible: scores.iter().flatten().count() as u64,
        n_tokens: ranked.iter().map(|candidate| columns.n_tokens_read(candidate.at as usize)).sum(),
        selected: ranked.into_iter().map(selected).collect(),
    }
}

fn selected(candidate: Candidate) -> Selected {
    Selected { row: candidate.at.into(), score: candidate.score }
}

/// The scores of rows that may be chosen, and why others may not: for their score, for the shape, or for want of one.
fn candidates(
    columns: &ScoreColumns,
    strategy: &Strategy,
    ranking: Ranking<'_>,
    shape: &Shape,
) -> Result<(Numbers, Vec<LeftOut>), SelectError> {
    let mut scores = strategy.scores_with(columns, shape.guards.shrinkage);
    let mut left_out: Vec<LeftOut> = above_ceiling(strategy, &mut scores).into_iter().collect();
    let unscored = strategy.unscored(columns, &scores, left_out.iter().map(|left| left.n_rows).sum());
    left_out.extend(shape.apply(columns, ranking, &mut scores));
    left_out.extend(unscored);
    left_out.retain(|left_out| left_out.n_rows > 0);
    if scores.has_any() {
        return Ok((scores, left_out));
    }
    Err(nothing_eligible(columns, strategy, left_out))
}

fn nothing_eligible(columns: &ScoreColumns, strategy: &Strategy, left_out: Vec<LeftOut>) -> SelectError {
    SelectError::NothingEligible {
        strategy: strategy.to_string(),
        n_rows: columns.len() as u64,
        left_out: Reasons(left_out),
    }
}

/// Takes scores away that mean that a strategy has nothing to say of a row.
fn above_ceiling(strategy: &Strategy, scores: &mut Numbers) -> Option<LeftOut> {
    let (most, meaning) = strategy.ceiling()?;
    let is_above: Vec<bool> = scores.iter().map(|score| score.is_some_and(|score| score > most)).collect();
    Some(leave_out(scores, format!("a score above {most}: {meaning}"), |row| is_above[row]))
}

/// The best rows of a pool.
fn best_of_all(ranking: Ranking<'_>, scores: &Numbers, limit: Limit) -> Vec<Candidate> {
    let mut best = Best::new(ranking, limit, scores.iter().flatten().count());
    for (row, score) in scores.iter().enumerate() {
        if let Some(score) = score.and_then(Score::new) {
            best.push(row, score);
        }
    }
    best.ranked()
}

/// Where ranking a whole pool stops.
pub(crate) fn limit(budget: Budget, n_rows: u64) -> Limit {
    match (budget, budget.row_limit(n_rows)) {
        (Budget::Tokens(tokens), _) => Limit::Tokens(tokens),
        (_, rows) => Limit::Rows(rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX)),
    }
}

#[cfg(test)]
mod tests;
