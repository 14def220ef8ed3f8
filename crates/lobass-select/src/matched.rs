//! Random rows with the lengths of another selection.

use lobass_core::{Budget, Numbers, ScoreColumns, Selection};

use crate::best::{Candidate, Ranking};
use crate::parts::best_of_each;
use crate::shape::{Quota, Shares, Strata};
use crate::strategy::Strategy;

/// How many bins of length a random selection is matched in.
const LENGTH_BINS: usize = 50;

/// Random rows with the lengths of a selection, in bins of the pool's lengths, and the hash of every row that could be
/// drawn: the candidates that the selection was made of, so that no bin has fewer than it is to give.
///
/// With parts of the pool, each gives as many rows of each length as the selection has of it. Of a token budget the rows
/// that were drawn are kept in their random order, up to the first that does not fit.
pub(crate) fn length_matched(
    columns: &ScoreColumns,
    candidates: &Numbers,
    like: &Selection,
    parts: Option<&Strata>,
) -> (Vec<Candidate>, Numbers) {
    let mut scores = Strategy::Random.scores(columns);
    let lengths = Strata::of_lengths(columns, &scores, LENGTH_BINS);
    let strata = parts.map_or_else(|| lengths.clone(), |parts| lengths.and(parts));
    for row in (0..columns.len()).filter(|&row| candidates.get(row).is_none()) {
        scores.set(row, None);
    }
    let mut rows = vec![0; strata.names.len()];
    for selected in &like.selected {
        let row = usize::try_from(selected.row).expect("a row of the table");
        rows[strata.of[row] as usize] += 1;
    }
    let ranking = Ranking::new(columns, Strategy::Random.info().direction);
    let all = Budget::Rows(like.selected.len() as u64);
    let quota = Quota { strata, shares: Shares::Rows(rows) };
    let (mut ranked, _) = best_of_each(columns, ranking, &scores, all, &quota);
    if let Budget::Tokens(budget) = like.budget {
        ranked.truncate(n_that_fit(columns, &ranked, budget));
    }
    (ranked, scores)
}

/// How many of the first rows have at most so many tokens together.
fn n_that_fit(columns: &ScoreColumns, ranked: &[Candidate], budget: u64) -> usize {
    let tokens = ranked.iter().scan(0u64, |sum, candidate| {
        *sum = sum.saturating_add(columns.n_tokens_read(candidate.at as usize));
        Some(*sum)
    });
    tokens.take_while(|&tokens| tokens <= budget).count()
}
