//! How far two rankings of one pool agree.
//!
//! A score is useful only if another run would give nearly the same. References that differ only in their seed, or in
//! whether they have seen a row, each rank the pool. The common part of these rankings comes from the data, and the
//! rest from the model.

use std::collections::HashSet;

use lobass_core::{Direction, ModelRole, Numbers, Score, ScoreColumns};

use crate::best::{Best, Limit, Ranking};
use crate::correlation::spearman;
use crate::strategies::lobass::shrunken;

/// How a selection by LoBaSS ranked a pool, so that rankings under other references are made alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct RankedAs<'a> {
    /// How many rows it kept.
    pub k: usize,
    /// Which end of the score it kept; without one, the high scores.
    pub direction: Option<Direction>,
    /// Nats that it added to the denominator of every score.
    pub shrinkage: Option<f64>,
    /// A number for each of its candidates; without any, all rows that may be selected were candidates.
    pub candidates: Option<&'a Numbers>,
}

impl RankedAs<'_> {
    /// The LoBaSS score of a row from the sums of its losses; `None` for a row that is no candidate.
    pub(crate) fn score(&self, row: usize, base: f64, reference: f64) -> Option<f64> {
        let is_candidate = self.candidates.is_none_or(|candidates| candidates.get(row).is_some());
        shrunken(base, reference, self.shrinkage.unwrap_or_default()).filter(|_| is_candidate)
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction.unwrap_or(Direction::Descending)
    }
}

/// How far two rankings agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Rows that both have a score for; the others are left out.
    pub n_rows: usize,
    /// Spearman's rank correlation, if there is any.
    pub spearman: Option<f64>,
    /// The share of the top k of one that is also in that of the other; `k / n_rows` is what chance gives.
    pub overlap: f64,
    /// The k that was used: at most `n_rows`.
    pub k: usize,
}

/// How far the rankings of several seeds agree, pair by pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    /// Pairs of rankings.
    pub n_pairs: usize,
    /// The mean rank correlation, over the pairs that have one.
    pub spearman_mean: Option<f64>,
    /// The lowest.
    pub spearman_min: Option<f64>,
    /// The mean share of the top k that two rankings have in common.
    pub overlap_mean: f64,
    /// The lowest.
    pub overlap_min: f64,
}

/// The LoBaSS score of every candidate under another reference than the table's own: one of several seeds, or one of an
/// earlier epoch.
pub fn lobass_scores(columns: &ScoreColumns, reference: &Numbers, ranked: &RankedAs<'_>) -> Numbers {
    let base = columns.losses(ModelRole::Base);
    let score = |row: usize| ranked.score(row, base.get(row)?, reference.get(row)?);
    let statuses = columns.statuses.iter().enumerate();
    statuses.map(|(row, status)| score(row).filter(|_| status.is_eligible())).collect()
}

/// Compares two columns of scores, and the first `k` rows of the rankings, equal scores by a seeded hash of the key, as
/// [`select`](crate::select) has it. `None` if no row has both.
pub fn agreement(
    columns: &ScoreColumns,
    left: &Numbers,
    right: &Numbers,
    k: usize,
    direction: Direction,
) -> Option<Agreement> {
    let both = |row: &usize| left.get(*row).is_some() && right.get(*row).is_some();
    let n_rows = (0..columns.len()).filter(both).count();
    let k = k.min(n_rows);
    if k == 0 {
        return None;
    }
    let top = |scores: &Numbers| -> HashSet<u32> {
        let mut best = Best::new(Ranking::new(columns, columns.into(), direction), Limit::Rows(k), n_rows);
        for row in (0..columns.len()).filter(both) {
            if let Some(score) = scores.get(row).and_then(Score::new) {
                best.push(row, score);
            }
        }
        best.ranked().into_iter().map(|candidate| candidate.at).collect()
    };
    let shared = top(left).intersection(&top(right)).count();
    Some(Agreement { n_rows, spearman: spearman(left, right), overlap: shared as f64 / k as f64, k })
}

/// Compares columns of scores, each with each, by the first rows and as a whole; `None` with fewer than two columns
/// that share rows.
pub fn stability(columns: &ScoreColumns, scores: &[Numbers], ranked: &RankedAs<'_>) -> Option<Stability> {
    let agreement = |left, right| agreement(columns, left, right, ranked.k, ranked.direction());
    let pairs = scores
        .iter()
        .enumerate()
        .flat_map(|(at, left)| scores[at + 1..].iter().filter_map(move |right| agreement(left, right)));
    let found: Vec<Agreement> = pairs.collect();
    let correlations: Vec<f64> = found.iter().filter_map(|one| one.spearman).collect();
    let overlaps: Vec<f64> = found.iter().map(|one| one.overlap).collect();
    Some(Stability {
        n_pairs: found.len(),
        spearman_mean: mean(&correlations),
        spearman_min: correlations.into_iter().reduce(f64::min),
        overlap_mean: mean(&overlaps)?,
        overlap_min: overlaps.into_iter().reduce(f64::min)?,
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use lobass_core::{ExampleKey, Nll, RowStatus, ScoreRecord};
    use proptest::prelude::*;

    use super::*;

    fn records(n: u64) -> Vec<ScoreRecord> {
        let record = |row| ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            reference: None,
            ..ScoreRecord::scored(row, 2, 8.0, 0.0)
        };
        (0..n).map(record).collect()
    }

    fn pool(n: u64, seed: u64) -> ScoreColumns {
        ScoreColumns::of(&records(n), seed)
    }

    fn column(numbers: &[Option<f64>]) -> Numbers {
        numbers.iter().copied().collect()
    }

    #[test]
    fn by_hand() {
        let left = column(&[Some(4.0), Some(3.0), Some(2.0), Some(1.0), None]);
        let right = column(&[Some(40.0), Some(20.0), Some(30.0), Some(10.0), Some(99.0)]);
        let of = |right: &Numbers, k| agreement(&pool(5, 3), &left, right, k, Direction::Descending);
        let found = of(&right, 2).unwrap();
        // Ranks 3 2 1 0 and 3 1 2 0: 1 - 6 * 2 / (4 * 15).
        assert!((found.spearman.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!((found.n_rows, found.k, found.overlap), (4, 2, 0.5));
        assert_eq!(of(&left, 9).unwrap().k, 4);
        let last = agreement(&pool(5, 3), &left, &right, 1, Direction::Ascending).unwrap();
        assert_eq!(last.overlap, 1.0, "both end with row 3");
        assert_eq!(of(&Numbers::missing(5), 2), None);
        assert_eq!(of(&right, 0), None);
    }

    #[test]
    fn equal_scores_are_ordered_by_the_seed_in_both() {
        let same = column(&[Some(0.5); 50]);
        let found = agreement(&pool(50, 0), &same, &same, 5, Direction::Descending).unwrap();
        assert_eq!((found.overlap, found.spearman), (1.0, None));
        let signed = (0..50).map(|row| Some(if row % 2 == 0 { 0.0 } else { -0.0 })).collect();
        let zeros = column(&[Some(0.0); 50]);
        assert_eq!(agreement(&pool(50, 1), &signed, &zeros, 5, Direction::Descending).unwrap().overlap, 1.0);
    }

    #[test]
    fn stability_is_pair_by_pair() {
        let up: Numbers = (0..4).map(|row| Some(f64::from(row))).collect();
        let down = (0..4).map(|row| Some(-f64::from(row))).collect();
        let ranked = RankedAs { k: 2, ..RankedAs::default() };
        let found = stability(&pool(4, 3), &[up.clone(), up.clone(), down], &ranked).unwrap();
        assert_eq!(found.n_pairs, 3);
        assert!((found.spearman_mean.unwrap() + 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((found.spearman_min, found.overlap_min), (Some(-1.0), 0.0));
        assert!((found.overlap_mean - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(stability(&pool(4, 3), &[up], &ranked), None);
    }

    #[test]
    fn scores_under_another_reference_are_those_of_the_strategy() {
        let mut pool = records(4);
        pool[1].status = RowStatus::HeldOut;
        pool[2].base = Some(Nll { sum: 0.0, n_scored: 2 });
        let reference = column(&[Some(2.0), Some(2.0), Some(0.0), None]);
        let columns = ScoreColumns::of(&pool, 0);
        let scores = |ranked: &RankedAs<'_>| lobass_scores(&columns, &reference, ranked);
        assert_eq!(scores(&RankedAs::default()), column(&[Some(0.75), None, None, None]));
        let shrunken = RankedAs { shrinkage: Some(2.0), ..RankedAs::default() };
        assert_eq!(scores(&shrunken), column(&[Some(0.6), None, Some(0.0), None]));
        let candidates = column(&[None, Some(1.0), Some(1.0), Some(1.0)]);
        let some = RankedAs { candidates: Some(&candidates), ..shrunken };
        assert_eq!(scores(&some), column(&[None, None, Some(0.0), None]));
    }

    proptest! {
        #[test]
        fn agreement_is_symmetric_and_whole_with_itself(
            scores in prop::collection::vec((prop::option::of(-9i8..9), prop::option::of(-9i8..9)), 1..40),
            k in 1usize..50, seed: u64,
        ) {
            let left = scores.iter().map(|(left, _)| left.map(f64::from)).collect();
            let right = scores.iter().map(|(_, right)| right.map(f64::from)).collect();
            let pool = pool(scores.len() as u64, seed);
            let of = |left, right| agreement(&pool, left, right, k, Direction::Descending);
            let found = of(&left, &right);
            prop_assert_eq!(found, of(&right, &left));
            if let Some(found) = found {
                prop_assert!((0.0..=1.0).contains(&found.overlap) && found.k <= found.n_rows);
                // Two sets of k among n share at least 2k - n.
                prop_assert!(found.overlap * found.k as f64 + 1e-9 >= 2.0 * found.k as f64 - found.n_rows as f64);
            }
            if let Some(with_itself) = of(&left, &left) {
                prop_assert_eq!(with_itself.overlap, 1.0);
            }
        }
    }
}
