//! How far two rankings of one pool agree.
//!
//! A score is of use only if it would come out alike from another run. References that differ in nothing but their
//! seed, or in whether they have seen a row, each give the pool a ranking; what these share is what the data says,
//! and the rest is the model's.

use std::collections::HashSet;

use lobass_core::{Nll, ScoreRecord};

use crate::correlation::spearman;
use crate::strategy::{relative, tie_break};

/// Which rows are at the top of a ranking: the highest scores, equal ones by a seeded hash of the key, as
/// [`select`](crate::select) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// How many there are.
    pub k: usize,
    /// The seed of ties.
    pub seed: u64,
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

/// The LoBaSS score of every eligible row under another reference than the table's own: one of several seeds, or one
/// of an earlier epoch.
pub fn lobass_scores(records: &[ScoreRecord], reference: &[Option<Nll>]) -> Vec<Option<f64>> {
    let score = |(record, reference): (&ScoreRecord, &Option<Nll>)| {
        record.status.is_eligible().then(|| relative(record.base?.sum, reference.as_ref()?.sum))?
    };
    records.iter().zip(reference).map(score).collect()
}

/// Compares two columns of scores; `None` if no row has both.
pub fn agreement(
    records: &[ScoreRecord],
    left: &[Option<f64>],
    right: &[Option<f64>],
    top: Top,
) -> Option<Agreement> {
    let both =
        |((record, left), right): ((_, &Option<f64>), &Option<f64>)| Some((record, (*left)?, (*right)?));
    let rows: Vec<(&ScoreRecord, f64, f64)> = records.iter().zip(left).zip(right).filter_map(both).collect();
    let k = top.k.min(rows.len());
    if k == 0 {
        return None;
    }
    let best = |score: &dyn Fn(usize) -> f64| -> HashSet<usize> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let ties: Vec<u64> = rows.iter().map(|(record, ..)| tie_break(record, top.seed)).collect();
        order.sort_unstable_by(|&a, &b| {
            score(b).total_cmp(&score(a)).then(ties[a].cmp(&ties[b])).then(a.cmp(&b))
        });
        order.into_iter().take(k).collect()
    };
    let shared = best(&|at| rows[at].1 + 0.0).intersection(&best(&|at| rows[at].2 + 0.0)).count();
    let pairs: Vec<(f64, f64)> = rows.iter().map(|(_, left, right)| (*left, *right)).collect();
    Some(Agreement { n_rows: rows.len(), spearman: spearman(&pairs), overlap: shared as f64 / k as f64, k })
}

/// Compares columns of scores, each with each; `None` with fewer than two columns that share rows.
pub fn stability(records: &[ScoreRecord], columns: &[Vec<Option<f64>>], top: Top) -> Option<Stability> {
    let pairs = columns.iter().enumerate().flat_map(|(at, left)| {
        columns[at + 1..].iter().filter_map(move |right| agreement(records, left, right, top))
    });
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
    use lobass_core::{ExampleKey, RowStatus};
    use proptest::prelude::*;

    use super::*;

    fn records(n: u64) -> Vec<ScoreRecord> {
        let record = |row| ScoreRecord {
            row,
            key: ExampleKey::new(format!("k{row}")),
            status: RowStatus::Ok,
            reason: None,
            source: "s".to_owned(),
            n_tokens: 9,
            n_scored: 2,
            base: Some(Nll { sum: 8.0, n_scored: 2 }),
            reference: None,
            in_sample: None,
            fold: None,
            rejected: None,
        };
        (0..n).map(record).collect()
    }

    const TOP2: Top = Top { k: 2, seed: 3 };

    #[test]
    fn by_hand() {
        let left = [Some(4.0), Some(3.0), Some(2.0), Some(1.0), None];
        let right = [Some(40.0), Some(20.0), Some(30.0), Some(10.0), Some(99.0)];
        let found = agreement(&records(5), &left, &right, TOP2).unwrap();
        // Ranks 3 2 1 0 and 3 1 2 0: 1 - 6 * 2 / (4 * 15).
        assert!((found.spearman.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!((found.n_rows, found.k, found.overlap), (4, 2, 0.5));
        assert_eq!(agreement(&records(5), &left, &left, Top { k: 9, seed: 0 }).unwrap().k, 4);
        assert_eq!(agreement(&records(5), &left, &[None; 5], TOP2), None);
        assert_eq!(agreement(&records(5), &left, &right, Top { k: 0, seed: 0 }), None);
    }

    #[test]
    fn equal_scores_are_ordered_by_the_seed_in_both() {
        let same = vec![Some(0.5); 50];
        let overlap = |seed| agreement(&records(50), &same, &same, Top { k: 5, seed }).unwrap();
        assert_eq!((overlap(0).overlap, overlap(0).spearman), (1.0, None));
        let signed: Vec<_> = (0..50).map(|row| Some(if row % 2 == 0 { 0.0 } else { -0.0 })).collect();
        let zeros = vec![Some(0.0); 50];
        assert_eq!(agreement(&records(50), &signed, &zeros, Top { k: 5, seed: 1 }).unwrap().overlap, 1.0);
    }

    #[test]
    fn stability_is_pair_by_pair() {
        let up: Vec<_> = (0..4).map(|row| Some(f64::from(row))).collect();
        let down: Vec<_> = (0..4).map(|row| Some(-f64::from(row))).collect();
        let found = stability(&records(4), &[up.clone(), up.clone(), down], TOP2).unwrap();
        assert_eq!(found.n_pairs, 3);
        assert!((found.spearman_mean.unwrap() + 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((found.spearman_min, found.overlap_min), (Some(-1.0), 0.0));
        assert!((found.overlap_mean - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(stability(&records(4), &[up], TOP2), None);
    }

    #[test]
    fn scores_under_another_reference_are_those_of_the_strategy() {
        let mut pool = records(4);
        pool[1].status = RowStatus::HeldOut;
        pool[2].base = Some(Nll { sum: 0.0, n_scored: 2 });
        let reference = [Some(2.0), Some(2.0), Some(0.0), None]
            .map(|sum: Option<f64>| sum.map(|sum| Nll { sum, n_scored: 2 }));
        assert_eq!(lobass_scores(&pool, &reference), [Some(0.75), None, None, None]);
    }

    proptest! {
        #[test]
        fn agreement_is_symmetric_and_whole_with_itself(
            scores in prop::collection::vec((prop::option::of(-9i8..9), prop::option::of(-9i8..9)), 1..40),
            k in 1usize..50, seed: u64,
        ) {
            let (left, right): (Vec<_>, Vec<_>) =
                scores.iter().map(|(l, r)| (l.map(f64::from), r.map(f64::from))).unzip();
            let (pool, top) = (records(scores.len() as u64), Top { k, seed });
            let found = agreement(&pool, &left, &right, top);
            prop_assert_eq!(found, agreement(&pool, &right, &left, top));
            if let Some(found) = found {
                prop_assert!((0.0..=1.0).contains(&found.overlap) && found.k <= found.n_rows);
                // Two sets of k among n share at least 2k - n.
                prop_assert!(found.overlap * found.k as f64 + 1e-9 >= 2.0 * found.k as f64 - found.n_rows as f64);
            }
            if let Some(with_itself) = agreement(&pool, &left, &left, top) {
                prop_assert_eq!(with_itself.overlap, 1.0);
            }
        }
    }
}
