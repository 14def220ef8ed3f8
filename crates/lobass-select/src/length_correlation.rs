//! Rank correlation of scores with counts of tokens, for many rows. It reads the columns in order and keeps no rank of a
//! row, so memory is read without jumps.

use std::collections::BTreeMap;
use std::ops::Range;

use lobass_core::Numbers;

use crate::order::place_of;

/// Leading bits of a score that decide which part of all rows it is in: sign, exponent, and 4 of the mantissa.
const BITS: u32 = 16;
/// Parts that are sorted one after the other, so that the pairs of one part are in memory.
const PARTS: usize = if cfg!(test) { 3 } else { 8 };

/// Spearman's rank correlation of scores with a count that every row has, over the rows that have a score; ties get
/// their mean rank, and -0.0 is 0.0. `None` with fewer than two such rows, or if either side is constant.
///
/// Sums are of integers, so they are exact. `n log n`, in 16 bytes for an eighth of the rows.
pub(crate) fn spearman_with_counts(scores: &Numbers, counts: &[u32]) -> Option<f64> {
    let rows = || scores.iter().zip(counts);
    let ranks = CountRanks::new(rows().filter_map(|(score, count)| score.map(|_| *count)));
    let mut in_bucket = vec![0u32; 1 << BITS];
    scores.iter().flatten().for_each(|score| in_bucket[bucket(score)] += 1);
    let mut sums = Sums::default();
    let mut pairs: Vec<(u64, u32)> = Vec::new();
    for (part, n_rows) in parts(&in_bucket) {
        // Every row is written. If it is not of this part, the next row overwrites it. So there is no branch to predict.
        pairs.resize(n_rows + 1, (0, 0));
        let mut n = 0;
        for (score, count) in rows() {
            let place = score.map_or(u64::MAX, place);
            pairs[n] = (place, *count);
            n += usize::from(part.contains(&(place >> (u64::BITS - BITS))) & score.is_some());
        }
        let pairs = &mut pairs[..n_rows];
        pairs.sort_unstable_by_key(|(place, _)| *place);
        for (_, count) in pairs.iter_mut() {
            *count = ranks.twice(*count);
        }
        for equal in pairs.chunk_by(|left, right| left.0 == right.0) {
            sums.add(equal);
        }
    }
    sums.correlation()
}

/// Adding zero makes -0.0 and 0.0 one number, as comparing scores does.
fn place(score: f64) -> u64 {
    place_of(score + 0.0)
}

fn bucket(score: f64) -> usize {
    usize::try_from(place(score) >> (u64::BITS - BITS)).expect("few bits")
}

/// Ranges of buckets that have about as many rows each, in their order, with their rows.
fn parts(in_bucket: &[u32]) -> Vec<(Range<u64>, usize)> {
    let n_rows: u64 = in_bucket.iter().map(|rows| u64::from(*rows)).sum();
    let enough = usize::try_from(n_rows).expect("rows in memory").div_ceil(PARTS);
    let (mut parts, mut start, mut n) = (Vec::new(), 0, 0);
    for (next, rows) in (1u64..).zip(in_bucket) {
        n += *rows as usize;
        if n > 0 && (n >= enough || next == 1 << BITS) {
            parts.push((start..next, n));
            (start, n) = (next, 0);
        }
    }
    parts
}

/// Twice the mean rank of each count, from 0.
struct CountRanks {
    of_small: Vec<u32>,
    of_large: BTreeMap<u32, u32>,
}

/// Counts below this are found by their place.
const SMALL: u32 = if cfg!(test) { 4 } else { 1 << 16 };

impl CountRanks {
    fn new(counts: impl Iterator<Item = u32>) -> Self {
        let mut n_small = vec![0u64; SMALL as usize];
        let mut n_large = BTreeMap::<u32, u64>::new();
        for count in counts {
            match n_small.get_mut(count as usize) {
                Some(n) => *n += 1,
                None => *n_large.entry(count).or_default() += 1,
            }
        }
        let mut start = 0;
        let mut rank = |n: u64| {
            let twice_mean = 2 * start + n.max(1) - 1;
            start += n;
            u32::try_from(twice_mean).expect("a table of at most 2^31 rows")
        };
        let of_small = n_small.into_iter().map(&mut rank).collect();
        Self { of_small, of_large: n_large.into_iter().map(|(count, n)| (count, rank(n))).collect() }
    }

    fn twice(&self, count: u32) -> u32 {
        self.of_small.get(count as usize).copied().unwrap_or_else(|| self.of_large[&count])
    }
}

/// Sums over rows of twice their ranks on both sides, and of the products of these.
#[derive(Debug, Default)]
struct Sums {
    n: i128,
    scores: i128,
    counts: i128,
    scores_squared: i128,
    counts_squared: i128,
    products: i128,
}

impl Sums {
    /// Adds the rows of one score, with twice the ranks of their counts; scores come in their order.
    fn add(&mut self, equal: &[(u64, u32)]) {
        let n = i128::try_from(equal.len()).expect("rows");
        let rank = 2 * self.n + n - 1;
        // A square is below 2^64, and a sum of 2^31 of them below 2^95.
        let counts: u64 = equal.iter().map(|(_, count)| u64::from(*count)).sum();
        self.n += n;
        self.scores += rank * n;
        self.scores_squared += rank * rank * n;
        self.counts += i128::from(counts);
        self.counts_squared +=
            equal.iter().map(|(_, count)| i128::from(u64::from(*count).pow(2))).sum::<i128>();
        self.products += rank * i128::from(counts);
    }

    /// Pearson's correlation.
    fn correlation(&self) -> Option<f64> {
        let Self { n, scores, counts, .. } = self;
        let covariance = n * self.products - scores * counts;
        let of_scores = n * self.scores_squared - scores * scores;
        let of_counts = n * self.counts_squared - counts * counts;
        let scale = (of_scores as f64 * of_counts as f64).sqrt();
        (scale > 0.0).then(|| (covariance as f64 / scale).clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spearman;

    proptest! {
        #[test]
        fn as_ranking_both_sides_has_it(
            rows in prop::collection::vec((prop::option::of(prop_oneof![(-3i8..4).prop_map(f64::from), Just(-0.0), -1e9..1e9]), 0u32..9), 0..60),
        ) {
            let scores: Numbers = rows.iter().map(|row| row.0).collect();
            let counts: Vec<u32> = rows.iter().map(|row| row.1).collect();
            let as_numbers: Numbers = counts.iter().map(|count| Some(f64::from(*count))).collect();
            match (spearman_with_counts(&scores, &counts), spearman(&scores, &as_numbers)) {
                (Some(found), Some(plain)) => prop_assert!((found - plain).abs() < 1e-12, "{} and {}", found, plain),
                (found, plain) => prop_assert_eq!(found, plain),
            }
        }
    }

    #[test]
    fn the_largest_table_does_not_overflow() {
        let n = i128::from(1u32 << 31);
        let (most, all) = (2 * (n - 1), n * n * n * 4);
        let sums = Sums {
            n,
            scores: n * most,
            counts: n * most,
            scores_squared: all,
            counts_squared: all,
            products: all,
        };
        assert!(sums.correlation().is_some());
    }
}
