//! Selecting with the hashes that are there: by ranks, in sets, or with the lengths of another selection.

use super::candidates::{candidates, check, nothing_eligible, scores};
use super::chosen::{Chosen, selection};
use super::matched::with_lengths_of;
use super::parts::{best_of_each, sets_of_each};
use super::request::Request;
use super::sets::Chooser;
use crate::best::{Candidate, Limit, Ranking, best_of_all};
use crate::diverse::Vectors;
use crate::error::SelectError;
use crate::shape::LeftOut;
use crate::strategy::{Choice, Features, Inputs, Need, Problem};

/// Selects with the hashes that the inputs have.
pub(super) fn decided(inputs: &Inputs<'_>, request: &Request<'_>) -> Result<Chosen, SelectError> {
    match request.strategy.choice() {
        Choice::Ranks => ranked(inputs, request, None),
        Choice::Clusters(features) => ranked(inputs, request, Some(features)),
        Choice::LengthsOf => matched(inputs, request),
    }
}

/// The best rows by rank, or equal shares of clusters of features.
fn ranked(
    inputs: &Inputs<'_>,
    request: &Request<'_>,
    clusters: Option<&dyn Features>,
) -> Result<Chosen, SelectError> {
    check(inputs, request)?;
    let Request { strategy, shape, .. } = *request;
    let columns = inputs.columns();
    let direction = request.direction.unwrap_or(strategy.info().direction);
    let ranking = Ranking::new(columns, inputs.hashes(), direction);
    let (mut scores, mut left_out) = candidates(inputs, request, ranking)?;
    let features = clusters.map(|clusters| clusters.features(inputs)).transpose();
    let features = features.map_err(|problem| SelectError::new(strategy, problem))?;
    let chooser = match &features {
        Some((values, dim)) => Some(Chooser::Clusters(Vectors::new(values, *dim))),
        None => request.sets.map(Chooser::Variety),
    };
    let (rows, strata) = match (&chooser, &shape.quota) {
        (Some(chooser), quota) => {
            let quota = quota.as_ref();
            let (rows, strata, n_without) =
                sets_of_each(columns, ranking, &mut scores, request.budget, quota, chooser);
            if n_without > 0 {
                left_out.push(LeftOut { why: "without a vector".to_owned(), n_rows: n_without as u64 });
            }
            if !scores.has_any() {
                return Err(nothing_eligible(columns, strategy, left_out));
            }
            (rows, strata)
        }
        (None, None) => {
            let limit = Limit::of(request.budget, columns.len() as u64);
            (best_of_all(ranking, &scores, limit), Vec::new())
        }
        (None, Some(quota)) => best_of_each(columns, ranking, &scores, request.budget, quota),
    };
    let shrinkage = shape.guards.shrinkage;
    Ok(Chosen {
        selection: selection(columns, request, direction, &scores, rows),
        score: strategy.score_in_words(shrinkage, None),
        scores,
        shrinkage,
        left_out,
        strata,
    })
}

/// Rows with the lengths of what another strategy selects.
fn matched(inputs: &Inputs<'_>, request: &Request<'_>) -> Result<Chosen, SelectError> {
    let Request { strategy, shape, .. } = *request;
    let of_strategy = |problem| SelectError::new(strategy, problem);
    if request.sets.is_some() {
        return Err(SelectError::TwoSets { strategy: strategy.name().to_owned() });
    }
    let other = request.lengths_of.ok_or_else(|| of_strategy(Problem::Missing(Need::Lengths)))?;
    if !other.has_lengths() {
        return Err(SelectError::Lengths {
            strategy: strategy.name().to_owned(),
            other: other.name().to_owned(),
        });
    }
    let of_other = ranked(inputs, &Request { strategy: other, lengths_of: None, ..*request }, None)?;
    let Chosen { selection: like, scores: candidates, left_out, mut strata, .. } = of_other;
    let ranking = Ranking::new(inputs.columns(), inputs.hashes(), strategy.info().direction);
    let parts = shape.quota.as_ref().map(|quota| &quota.strata);
    let mut scores = scores(inputs, strategy).map_err(of_strategy)?;
    let rows = with_lengths_of(&like, &candidates, ranking, &mut scores, parts);
    for (part, share) in (0u32..).zip(&mut strata) {
        let is_of_part = |one: &&Candidate| parts.is_some_and(|parts| parts.of[one.at as usize] == part);
        share.n_selected = rows.iter().filter(is_of_part).count() as u64;
    }
    Ok(Chosen {
        selection: selection(inputs.columns(), request, strategy.info().direction, &scores, rows),
        score: strategy.score_in_words(None, Some(other)),
        scores,
        shrinkage: None,
        left_out,
        strata,
    })
}
