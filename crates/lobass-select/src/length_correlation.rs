//! Rank correlation of scores with counts of tokens, for many rows. It reads the columns in order and keeps no rank of a
//! row, so memory is read without jumps.

use std::collections::BTreeMap;
use std::ops::Range;

use lobass_core::Numbers;

use crate::order::place_of;

/// Leading bits of a score that decide which bucket it is in: sign, exponent, and 4 of the mantissa. More of them if there
/// are more different counts than these bits can tell apart.
const BITS: u32 = if cfg!(test) { 2 } else { 16 };
/// Parts that are sorted one after the other, so that the rows of one part are in memory.
const PARTS: usize = if cfg!(test) { 3 } else { 4 };

/// Spearman's rank correlation of scores with a count that every row has, over the rows that have a score; ties get
/// their mean rank, and -0.0 is 0.0. `None` with fewer than two such rows, or if either side is constant.
///
/// Sums are of integers, so they are exact. `n log n`, in 8 bytes for a quarter of the rows.
pub(crate) fn spearman_with_counts(scores: &Numbers, counts: &[u32]) -> Option<f64> {
    let rows = || scores.iter().zip(counts).filter_map(|(score, count)| Some((place(score?), *count)));
    let codes = Codes::new(rows().map(|(_, count)| count));
    let bits = codes.bits().max(BITS);
    let mut in_bucket = vec![0u32; 1 << bits];
    rows().for_each(|(place, _)| in_bucket[bucket(place, bits)] += 1);
    let (mut sums, mut part) = (Sums::default(), Part::default());
    for (buckets, n_rows) in parts(&in_bucket) {
        part.fill(rows(), &codes, bits, buckets.clone(), &in_bucket[buckets], n_rows);
        part.sort_and_add(bits, &codes, &mut sums);
    }
    sums.correlation()
}

/// Adding zero makes -0.0 and 0.0 one number, as comparing scores does.
fn place(score: f64) -> u64 {
    place_of(score + 0.0)
}

fn bucket(place: u64, bits: u32) -> usize {
    usize::try_from(place >> (u64::BITS - bits)).expect("few bits")
}

/// Ranges of buckets that have about as many rows each, in their order, with their rows.
fn parts(in_bucket: &[u32]) -> Vec<(Range<usize>, usize)> {
    let n_rows: u64 = in_bucket.iter().map(|rows| u64::from(*rows)).sum();
    let enough = usize::try_from(n_rows).expect("rows in memory").div_ceil(PARTS);
    let (mut parts, mut start, mut n) = (Vec::new(), 0, 0);
    for (next, rows) in (1..).zip(in_bucket) {
        n += *rows as usize;
        if n > 0 && (n >= enough || next == in_bucket.len()) {
            parts.push((start..next, n));
            (start, n) = (next, 0);
        }
    }
    parts
}

/// The rows of some buckets, bucket by bucket. A row is the bits of its score that its bucket does not tell, above the
/// code of its count.
#[derive(Debug, Default)]
struct Part {
    rows: Vec<u64>,
    /// Where the next row of a bucket goes, and at the end the place of rows of other parts. Then where buckets end.
    next: Vec<usize>,
}

impl Part {
    fn fill(
        &mut self,
        rows: impl Iterator<Item = (u64, u32)>,
        codes: &Codes,
        bits: u32,
        buckets: Range<usize>,
        in_bucket: &[u32],
        n_rows: usize,
    ) {
        self.rows.resize(n_rows + 1, 0);
        self.next.clear();
        let starts =
            in_bucket.iter().scan(0, |start, n| Some(std::mem::replace(start, *start + *n as usize)));
        self.next.extend(starts);
        self.next.push(n_rows);
        for (place, count) in rows {
            // Every row is written. One of another part is overwritten by the next. So there is no branch to predict.
            let bucket = bucket(place, bits).wrapping_sub(buckets.start);
            let is_here = bucket < buckets.len();
            let next = &mut self.next[if is_here { bucket } else { buckets.len() }];
            self.rows[*next] = (place << bits) | u64::from(codes.of(count));
            *next += usize::from(is_here);
        }
    }

    fn sort_and_add(&mut self, bits: u32, codes: &Codes, sums: &mut Sums) {
        let mut start = 0;
        for &end in &self.next[..self.next.len() - 1] {
            let rows = &mut self.rows[start..end];
            rows.sort_unstable();
            for equal in rows.chunk_by(|left, right| left >> bits == right >> bits) {
                sums.add(equal.len(), equal.iter().map(|row| codes.twice_rank(row & ((1 << bits) - 1))));
            }
            start = end;
        }
    }
}

/// Different counts by small numbers, ascending, and the ranks of these.
struct Codes {
    of_small: Vec<u32>,
    of_large: BTreeMap<u32, u32>,
    /// Twice the mean rank of each code, from 0.
    twice_ranks: Vec<u32>,
}

/// Counts below this are found by their place.
const SMALL: u32 = if cfg!(test) { 4 } else { 1 << 16 };

impl Codes {
    fn new(counts: impl Iterator<Item = u32>) -> Self {
        let mut n_small = vec![0u64; SMALL as usize];
        let mut n_large = BTreeMap::<u32, u64>::new();
        for count in counts {
            match n_small.get_mut(count as usize) {
                Some(n) => *n += 1,
                None => *n_large.entry(count).or_default() += 1,
            }
        }
        let (mut start, mut twice_ranks) = (0, Vec::new());
        let mut code = |n: u64| {
            let code = u32::try_from(twice_ranks.len()).expect("fewer counts than rows");
            if n > 0 {
                twice_ranks.push(u32::try_from(2 * start + n - 1).expect("a table of at most 2^31 rows"));
                start += n;
            }
            code
        };
        let of_small = n_small.into_iter().map(&mut code).collect();
        let of_large = n_large.into_iter().map(|(count, n)| (count, code(n))).collect();
        Self { of_small, of_large, twice_ranks }
    }

    /// As many as the largest code takes.
    fn bits(&self) -> u32 {
        usize::BITS - self.twice_ranks.len().leading_zeros()
    }

    #[inline]
    fn of(&self, count: u32) -> u32 {
        self.of_small.get(count as usize).copied().unwrap_or_else(|| self.of_large[&count])
    }

    #[inline]
    fn twice_rank(&self, code: u64) -> u64 {
        self.twice_ranks[usize::try_from(code).expect("few codes")].into()
    }
}

/// Sums over rows of twice their ranks on both sides, and of the products of these. A square is below 2^64, and a sum of
/// 2^31 of them below 2^95.
#[derive(Debug, Default)]
struct Sums {
    n: u64,
    scores: u128,
    counts: u128,
    scores_squared: u128,
    counts_squared: u128,
    products: u128,
}

impl Sums {
    /// Adds the rows of one score, with twice the ranks of their counts; scores come in their order.
    fn add(&mut self, n_rows: usize, twice_ranks: impl Iterator<Item = u64>) {
        let n = n_rows as u64;
        let rank = 2 * self.n + n - 1;
        let mut counts = 0;
        for count in twice_ranks {
            counts += count;
            self.counts_squared += u128::from(count * count);
        }
        self.n += n;
        self.scores += u128::from(rank * n);
        self.scores_squared += u128::from(rank * rank) * u128::from(n);
        self.counts += u128::from(counts);
        self.products += u128::from(rank) * u128::from(counts);
    }

    /// Pearson's correlation.
    fn correlation(&self) -> Option<f64> {
        let n = i128::from(self.n);
        let signed = |sum: u128| i128::try_from(sum).expect("below 2^95");
        let (scores, counts) = (signed(self.scores), signed(self.counts));
        let covariance = n * signed(self.products) - scores * counts;
        let of_scores = n * signed(self.scores_squared) - scores * scores;
        let of_counts = n * signed(self.counts_squared) - counts * counts;
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
        let n = u128::from(1u32 << 31);
        let (most, all) = (2 * (n - 1), n * n * n * 4);
        let sums = Sums {
            n: 1 << 31,
            scores: n * most,
            counts: n * most,
            scores_squared: all,
            counts_squared: all,
            products: all,
        };
        assert!(sums.correlation().is_some());
    }
}
