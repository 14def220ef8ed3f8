//! Which rows may be chosen, and by which scores.

use lobass_core::{ModelRole, Numbers, ScoreColumns};

use super::request::Request;
use super::sets::Variety;
use crate::best::Ranking;
use crate::error::{Reasons, SelectError};
use crate::shape::{LeftOut, leave_out};
use crate::strategy::{Choice, Inputs, Need, Problem, Strategy};

/// Whether the inputs have what a request reads, and whether its parts fit together.
pub(super) fn check(inputs: &Inputs<'_>, request: &Request<'_>) -> Result<(), SelectError> {
    let Request { strategy, shape, .. } = request;
    let info = strategy.info();
    let of_strategy = |problem| SelectError::new(*strategy, problem);
    for &need in info.needs {
        inputs.check(need).map_err(of_strategy)?;
    }
    let guards = &shape.guards;
    for (model, needed) in
        [(ModelRole::Base, guards.needs_base()), (ModelRole::REFERENCE, guards.needs_reference())]
    {
        if needed && !inputs.losses(model.clone()).has_any() {
            return Err(SelectError::UnguardedModel { model });
        }
    }
    if guards.shrinkage.is_some() && !info.shrinks {
        return Err(SelectError::Shrinkage { strategy: info.name.to_owned() });
    }
    check_sets(request)
}

/// Whether rows can be chosen as a set, and the score turned round.
fn check_sets(request: &Request<'_>) -> Result<(), SelectError> {
    let Request { strategy, sets, direction, .. } = request;
    let name = || strategy.name().to_owned();
    let is_clustered = matches!(strategy.choice(), Choice::Clusters(_));
    if is_clustered && sets.is_some() {
        return Err(SelectError::TwoSets { strategy: name() });
    }
    let takes_turns = sets.is_some_and(|sets| matches!(sets.variety, Variety::RoundRobin { .. }));
    let from = match (is_clustered, takes_turns) {
        (true, _) => "clusters",
        (_, true) => "tasks",
        _ => return Ok(()),
    };
    match direction {
        Some(_) => Err(SelectError::Direction { strategy: name(), from }),
        None => Ok(()),
    }
}

/// The scores of rows that may be chosen, and why others may not: for their score, for the shape, or for want of one.
pub(super) fn candidates(
    inputs: &Inputs<'_>,
    request: &Request<'_>,
    ranking: Ranking<'_>,
) -> Result<(Numbers, Vec<LeftOut>), SelectError> {
    let Request { strategy, shape, .. } = *request;
    let (info, columns) = (strategy.info(), inputs.columns());
    let of_strategy = |problem| SelectError::new(strategy, problem);
    let by_prompt = info.needs.contains(&Need::Prompts).then_some(info.direction);
    let winner = shape.responses.winner(by_prompt);
    let prompts = winner.map(|winner| Ok((inputs.prompts()?, winner))).transpose().map_err(of_strategy)?;

    let inputs = inputs.with_shrinkage(shape.guards.shrinkage);
    let mut scores = scores(&inputs, strategy).map_err(of_strategy)?;
    let above = above_ceiling(strategy, &mut scores);
    let n_eligible = columns.statuses.iter().filter(|status| status.is_eligible()).count() as u64;
    let n_above = above.as_ref().map_or(0, |left_out| left_out.n_rows);
    let n_scored = scores.iter().flatten().count() as u64 + n_above;
    let unscored = strategy.unscored(&inputs, n_eligible - n_scored);

    let mut left_out: Vec<LeftOut> = above.into_iter().collect();
    left_out.extend(shape.apply(columns, prompts, ranking, &mut scores));
    left_out.extend(unscored);
    left_out.retain(|left_out| left_out.n_rows > 0);
    if scores.has_any() {
        return Ok((scores, left_out));
    }
    Err(nothing_eligible(columns, strategy, left_out))
}

/// The scores of a strategy: finite, and of rows that may be selected.
pub(crate) fn scores(inputs: &Inputs<'_>, strategy: &dyn Strategy) -> Result<Numbers, Problem> {
    let columns = inputs.columns();
    let mut scores = strategy.scores(inputs)?;
    if scores.len() != columns.len() {
        return Err(Problem::Refused(format!(
            "expected a score for each of {} rows, found {}",
            columns.len(),
            scores.len()
        )));
    }
    for (row, status) in columns.statuses.iter().enumerate() {
        if scores.get(row).is_some_and(|score| !(status.is_eligible() && score.is_finite())) {
            scores.set(row, None);
        }
    }
    Ok(scores)
}

/// No row may be chosen.
pub(super) fn nothing_eligible(
    columns: &ScoreColumns,
    strategy: &dyn Strategy,
    left_out: Vec<LeftOut>,
) -> SelectError {
    SelectError::NothingEligible {
        strategy: strategy.name().to_owned(),
        n_rows: columns.len() as u64,
        left_out: Reasons(left_out),
    }
}

/// Removes scores that mean that a strategy cannot judge a row.
pub(crate) fn above_ceiling(strategy: &dyn Strategy, scores: &mut Numbers) -> Option<LeftOut> {
    let (most, meaning) = strategy.info().ceiling?;
    let is_above: Vec<bool> = scores.iter().map(|score| score.is_some_and(|score| score > most)).collect();
    Some(leave_out(scores, format!("a score above {most}: {meaning}"), |row| is_above[row]))
}
