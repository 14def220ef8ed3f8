//! Rows with the lengths of another selection.

use lobass_core::{Budget, Numbers, ScoreColumns, Selection};

use super::parts::best_of_each;
use crate::best::{Candidate, Ranking};
use crate::shape::{Quota, Shares, Strata};

/// How many bins of length a selection is matched in.
const LENGTH_BINS: usize = 50;

/// The best rows by their scores with the lengths of a selection, in bins of the pool's lengths. Takes away the scores
/// of rows that were no candidates of that selection, so that no bin has fewer candidates than it is to give.
///
/// With parts of the pool, each gives as many rows of each length as the selection has of it. Of a token budget the rows
/// are kept in the order of their ranks, up to the first that does not fit.
///
/// - `candidates`: a number for each row that the selection was made of
pub(super) fn with_lengths_of(
    like: &Selection,
    candidates: &Numbers,
    ranking: Ranking<'_>,
    scores: &mut Numbers,
    parts: Option<&Strata>,
) -> Vec<Candidate> {
    let columns = ranking.columns();
    let lengths = Strata::of_lengths(columns, scores, LENGTH_BINS);
    let strata = parts.map_or_else(|| lengths.clone(), |parts| lengths.and(parts));
    for row in (0..columns.len()).filter(|&row| candidates.get(row).is_none()) {
        scores.set(row, None);
    }
    let mut rows = vec![0; strata.names.len()];
    for selected in &like.selected {
        let row = usize::try_from(selected.row).expect("a row of the table");
        rows[strata.of[row] as usize] += 1;
    }
    let all = Budget::Rows(like.selected.len() as u64);
    let quota = Quota { strata, shares: Shares::Rows(rows) };
    let (mut ranked, _) = best_of_each(columns, ranking, scores, all, &quota);
    if let Budget::Tokens(budget) = like.budget {
        ranked.truncate(n_that_fit(columns, &ranked, budget));
    }
    ranked
}

/// How many of the first rows have at most the given number of tokens together.
fn n_that_fit(columns: &ScoreColumns, ranked: &[Candidate], budget: u64) -> usize {
    let tokens = ranked.iter().scan(0u64, |sum, candidate| {
        *sum = sum.saturating_add(columns.n_tokens_read(candidate.at as usize));
        Some(*sum)
    });
    tokens.take_while(|&tokens| tokens <= budget).count()
}
