//! Random rows with the lengths of another selection.

use lobass_core::{Budget, ScoreColumns, Selection};

use crate::error::SelectError;
use crate::rank::{Request, Shaped, select_shaped};
use crate::shape::{Guards, Quota, Shape, Shares, Strata};
use crate::strategy::Strategy;

/// How many bins of length a random selection is matched in.
const LENGTH_BINS: usize = 50;

/// Random rows with the lengths of a selection, in bins of the pool's lengths.
pub(crate) fn length_matched(
    columns: &ScoreColumns,
    strategy: &Strategy,
    request: &Request,
    shape: &Shape,
    like: &Selection,
) -> Result<Shaped, SelectError> {
    let strata = Strata::of_lengths(columns, &Strategy::Random.scores(columns), LENGTH_BINS);
    let mut rows = vec![0; strata.names.len()];
    for selected in &like.selected {
        let row = usize::try_from(selected.row).expect("a row of the table");
        rows[strata.of[row] as usize] += 1;
    }
    let guards = Guards { shrinkage: None, ..shape.guards };
    let quota = Some(Quota { strata, shares: Shares::Rows(rows) });
    let shape = Shape { guards, quota, ..shape.clone() };
    let all = Request { budget: Budget::Rows(like.selected.len() as u64), direction: request.direction };
    let mut shaped = select_shaped(columns, &Strategy::Random, &all, &shape)?;
    strategy.info().name.clone_into(&mut shaped.selection.strategy);
    shaped.selection.budget = request.budget;
    shaped.strata.clear();
    Ok(shaped)
}
