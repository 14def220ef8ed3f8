//! Rank correlation of scores with counts of tokens, for many rows. It reads the columns in order and keeps no rank of a
//! row, so memory is read without jumps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use lobass_core::{Numbers, parallel};

use crate::order::place_of;

/// Leading bits of a score that decide which bucket it is in: sign, exponent, and 4 of the mantissa. More of them if there
/// are more different counts than these bits can tell apart.
const BITS: u32 = if cfg!(test) { 2 } else { 16 };
/// Parts that are sorted by themselves, at least, so that only the rows of a part for each thread are in memory.
const PARTS: usize = if cfg!(test) { 3 } else { 4 };
/// Rows that are worth a thread to count them.
const CHUNK: usize = if cfg!(test) { 5 } else { 1 << 18 };

/// Spearman's rank correlation of scores with a count that every row has, over the rows that have a score; ties get
/// their mean rank, and -0.0 is 0.0. `None` with fewer than two such rows, or if either side is constant.
///
/// Sums are of integers, so they are exact, and do not depend on the threads. `n log n`, in 8 bytes for a quarter of the
/// rows and each thread, up to all rows.
pub(crate) fn spearman_with_counts(scores: &Numbers, counts: &[u32], threads: usize) -> Option<f64> {
    let rows = Rows { scores, counts };
    let tally = rows.tallied(BITS, true, threads);
    let codes = Codes::new(&tally);
    let bits = codes.bits().max(BITS);
    let in_bucket = match bits {
        BITS => tally.in_bucket,
        _ => rows.tallied(bits, false, threads).in_bucket,
    };
    let parts = parts(&in_bucket, PARTS.max(threads));
    let spare = Mutex::new(Vec::new());
    let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let sums_of = |at: usize| {
        // Memory that another part had costs no fresh pages.
        let mut part: Part = lock().pop().unwrap_or_default();
        part.fill(rows, &codes, bits, &parts[at], &in_bucket);
        let sums = part.sums(bits, &codes, parts[at].n_before);
        lock().push(part);
        sums
    };
    parallel::each(parts.len(), threads, sums_of).into_iter().fold(Sums::default(), Sums::and).correlation()
}

/// The rows of a table.
#[derive(Clone, Copy)]
struct Rows<'a> {
    scores: &'a Numbers,
    counts: &'a [u32],
}

impl<'a> Rows<'a> {
    /// The places of scores and the counts, of those rows of a range that have a score.
    fn of(self, range: Range<usize>) -> impl Iterator<Item = (u64, u32)> + use<'a> {
        let rows = self.scores.of_rows(range.clone()).zip(&self.counts[range]);
        rows.filter_map(|(score, count)| Some((place(score?), *count)))
    }

    fn n_rows(self) -> usize {
        self.counts.len().min(self.scores.iter().len())
    }

    /// Counts rows, a range of them on each thread.
    fn tallied(self, bits: u32, with_counts: bool, threads: usize) -> Tally {
        let n_rows = self.n_rows();
        let size = n_rows.div_ceil(threads.max(1)).max(CHUNK);
        let tally = |at: usize| Tally::of(self.of(at * size..n_rows.min((at + 1) * size)), bits, with_counts);
        let tallies = parallel::each(n_rows.div_ceil(size), threads, tally);
        tallies.into_iter().reduce(Tally::and).unwrap_or_else(|| Tally::new(bits))
    }
}

/// Numbers of rows: by the bucket of their score, and by their count.
struct Tally {
    in_bucket: Vec<u32>,
    of_small: Vec<u64>,
    of_large: BTreeMap<u32, u64>,
}

impl Tally {
    fn new(bits: u32) -> Self {
        Self { in_bucket: vec![0; 1 << bits], of_small: vec![0; SMALL as usize], of_large: BTreeMap::new() }
    }

    /// - `with_counts`: whether rows are also counted by their counts
    fn of(rows: impl Iterator<Item = (u64, u32)>, bits: u32, with_counts: bool) -> Self {
        let mut tally = Self::new(bits);
        for (place, count) in rows {
            tally.in_bucket[bucket(place, bits)] += 1;
            if with_counts {
                match tally.of_small.get_mut(count as usize) {
                    Some(n) => *n += 1,
                    None => *tally.of_large.entry(count).or_default() += 1,
                }
            }
        }
        tally
    }

    fn and(mut self, other: Self) -> Self {
        self.in_bucket.iter_mut().zip(other.in_bucket).for_each(|(n, more)| *n += more);
        self.of_small.iter_mut().zip(other.of_small).for_each(|(n, more)| *n += more);
        other.of_large.into_iter().for_each(|(count, more)| *self.of_large.entry(count).or_default() += more);
        self
    }
}

/// Adding zero makes -0.0 and 0.0 one number, as comparing scores does.
fn place(score: f64) -> u64 {
    place_of(score + 0.0)
}

fn bucket(place: u64, bits: u32) -> usize {
    usize::try_from(place >> (u64::BITS - bits)).expect("few bits")
}

/// A range of buckets, with its rows and those of all buckets before.
struct Place {
    buckets: Range<usize>,
    n_rows: usize,
    n_before: u64,
}

/// Ranges of buckets that have about as many rows each, in their order.
fn parts(in_bucket: &[u32], n_parts: usize) -> Vec<Place> {
    let n_rows: u64 = in_bucket.iter().map(|rows| u64::from(*rows)).sum();
    let enough = usize::try_from(n_rows).expect("rows in memory").div_ceil(n_parts);
    let (mut parts, mut start, mut n_rows, mut n_before) = (Vec::new(), 0, 0, 0);
    for (next, rows) in (1..).zip(in_bucket) {
        n_rows += *rows as usize;
        if n_rows > 0 && (n_rows >= enough || next == in_bucket.len()) {
            parts.push(Place { buckets: start..next, n_rows, n_before });
            (start, n_before, n_rows) = (next, n_before + n_rows as u64, 0);
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
    /// - `in_bucket`: the rows of all buckets
    fn fill(&mut self, rows: Rows<'_>, codes: &Codes, bits: u32, place: &Place, in_bucket: &[u32]) {
        let Place { buckets, n_rows, .. } = place;
        self.rows.resize(n_rows + 1, 0);
        self.next.clear();
        let in_bucket = in_bucket[buckets.clone()].iter();
        self.next.extend(in_bucket.scan(0, |start, n| Some(std::mem::replace(start, *start + *n as usize))));
        self.next.push(*n_rows);
        for (place, count) in rows.of(0..rows.n_rows()) {
            // Every row is written. One of another part is overwritten by the next. So there is no branch to predict.
            let bucket = bucket(place, bits).wrapping_sub(buckets.start);
            let is_here = bucket < buckets.len();
            let next = &mut self.next[if is_here { bucket } else { buckets.len() }];
            self.rows[*next] = (place << bits) | u64::from(codes.of(count));
            *next += usize::from(is_here);
        }
    }

    /// Sorts the rows and sums them up.
    ///
    /// - `n_before`: the rows with smaller scores, of other parts
    fn sums(&mut self, bits: u32, codes: &Codes, n_before: u64) -> Sums {
        let (mut sums, mut start) = (Sums::default(), 0);
        for &end in &self.next[..self.next.len() - 1] {
            let rows = &mut self.rows[start..end];
            rows.sort_unstable();
            for equal in rows.chunk_by(|left, right| left >> bits == right >> bits) {
                let twice_ranks = equal.iter().map(|row| codes.twice_rank(row & ((1 << bits) - 1)));
                sums.add(n_before + sums.n, equal.len() as u64, twice_ranks);
            }
            start = end;
        }
        sums
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
    fn new(tally: &Tally) -> Self {
        let (mut start, mut twice_ranks) = (0, Vec::new());
        let mut code = |n: u64| {
            let code = u32::try_from(twice_ranks.len()).expect("fewer counts than rows");
            if n > 0 {
                twice_ranks.push(u32::try_from(2 * start + n - 1).expect("a table of at most 2^31 rows"));
                start += n;
            }
            code
        };
        let of_small = tally.of_small.iter().map(|n| code(*n)).collect();
        let of_large = tally.of_large.iter().map(|(count, n)| (*count, code(*n))).collect();
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
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: u64,
    scores: u128,
    counts: u128,
    scores_squared: u128,
    counts_squared: u128,
    products: u128,
}

impl Sums {
    /// Adds the rows of one score, with twice the ranks of their counts.
    ///
    /// - `n_before`: the rows with smaller scores
    fn add(&mut self, n_before: u64, n: u64, twice_ranks: impl Iterator<Item = u64>) {
        let rank = 2 * n_before + n - 1;
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

    fn and(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            scores: self.scores + other.scores,
            counts: self.counts + other.counts,
            scores_squared: self.scores_squared + other.scores_squared,
            counts_squared: self.counts_squared + other.counts_squared,
            products: self.products + other.products,
        }
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
            let found = spearman_with_counts(&scores, &counts, 1);
            for threads in [2, 3, 8] {
                let on_threads = spearman_with_counts(&scores, &counts, threads);
                prop_assert_eq!(on_threads.map(f64::to_bits), found.map(f64::to_bits), "{} threads", threads);
            }
            match (found, spearman(&scores, &as_numbers)) {
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
