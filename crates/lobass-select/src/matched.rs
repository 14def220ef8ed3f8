//! Random rows with the lengths of another selection.

use lobass_core::{Budget, Direction, Numbers, ScoreColumns, Selection};

use crate::best::{Candidate, Ranking};
use crate::parts::best_of_each;
use crate::shape::{Quota, Shares, Strata};
use crate::strategy::Strategy;

/// How many bins of length a random selection is matched in.
const LENGTH_BINS: usize = 50;

/// Random rows with the lengths of a selection, in bins of the pool's lengths, and how many there were to draw from:
/// the candidates that the selection was made of, so that no bin has fewer than it is to give.
pub(crate) fn length_matched(
    columns: &ScoreColumns,
    candidates: &Numbers,
    direction: Option<Direction>,
    like: &Selection,
) -> (Vec<Candidate>, u64) {
    let mut scores = Strategy::Random.scores(columns);
    let strata = Strata::of_lengths(columns, &scores, LENGTH_BINS);
    for row in (0..columns.len()).filter(|&row| candidates.get(row).is_none()) {
        scores.set(row, None);
    }
    let mut rows = vec![0; strata.names.len()];
    for selected in &like.selected {
        let row = usize::try_from(selected.row).expect("a row of the table");
        rows[strata.of[row] as usize] += 1;
    }
    let ranking = Ranking::new(columns, direction.unwrap_or(Strategy::Random.info().direction));
    let all = Budget::Rows(like.selected.len() as u64);
    let quota = Quota { strata, shares: Shares::Rows(rows) };
    let (ranked, _) = best_of_each(columns, ranking, &scores, all, &quota);
    (ranked, scores.iter().flatten().count() as u64)
}
