//! Whether a table has what a strategy reads.

use lobass_core::ScoreColumns;

use crate::error::SelectError;
use crate::rank::Request;
use crate::sets::{Sets, Variety};
use crate::shape::Shape;
use crate::strategy::{BRIER, Need, Strategy, UNCONDITIONAL};

/// Whether the table has what a strategy and its guards read.
pub(crate) fn check(columns: &ScoreColumns, strategy: &Strategy, shape: &Shape) -> Result<(), SelectError> {
    let (needs, name) = (strategy.info().needs, || strategy.info().name.to_owned());
    let has = |losses: &str| columns.losses(losses).has_any();
    if needs.contains(&Need::Reference) && !has("reference") {
        return Err(SelectError::NoReference { strategy: name() });
    }
    if needs.contains(&Need::Unconditional) && !has(UNCONDITIONAL) {
        return Err(SelectError::NoUnconditional { strategy: name() });
    }
    if needs.contains(&Need::Pair) && !(0..columns.len()).any(|row| columns.is_pair(row)) {
        return Err(SelectError::NoPairs { strategy: name() });
    }
    if needs.contains(&Need::Brier) && !has(BRIER) {
        return Err(SelectError::NoBrier { strategy: name() });
    }
    if matches!(strategy, Strategy::SelectiveIfd(scores) if !scores.has_any()) {
        return Err(SelectError::NoTokens { strategy: name() });
    }
    let has_no_gains = matches!(strategy, Strategy::Lark(gains) if !gains.has_any());
    if needs.contains(&Need::Prompts) && (shape.groups.is_empty() || has_no_gains) {
        return Err(SelectError::NoPrompts { strategy: name() });
    }
    if matches!(strategy, Strategy::S2l(checkpoints) if checkpoints.len() < 2) {
        return Err(SelectError::NoTrajectory { strategy: name() });
    }
    if matches!(strategy, Strategy::Rds(cosines) if !cosines.has_any()) {
        return Err(SelectError::NoQueries { strategy: name() });
    }
    let guards = &shape.guards;
    for (model, needed) in [("base", guards.needs_base()), ("reference", guards.needs_reference())] {
        if needed && !has(model) {
            return Err(SelectError::UnguardedModel { model });
        }
    }
    match guards.shrinkage {
        Some(_) if *strategy != Strategy::Lobass => Err(SelectError::Shrinkage { strategy: name() }),
        _ => Ok(()),
    }
}

/// Whether a strategy can be chosen by as a set, and turned round.
pub(crate) fn check_sets(
    strategy: &Strategy,
    request: &Request,
    sets: Option<&Sets<'_>>,
) -> Result<(), SelectError> {
    let (name, is_clustered) = (|| strategy.to_string(), matches!(strategy, Strategy::S2l(_)));
    if is_clustered && sets.is_some() {
        return Err(SelectError::TwoSets { strategy: name() });
    }
    let takes_turns = sets.is_some_and(|sets| matches!(sets.variety, Variety::RoundRobin { .. }));
    let from = match (is_clustered, takes_turns) {
        (true, _) => "clusters",
        (_, true) => "tasks",
        _ => return Ok(()),
    };
    match request.direction {
        Some(_) => Err(SelectError::Direction { strategy: name(), from }),
        None => Ok(()),
    }
}
