//! Rows that stand for the others.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::rows::Rows;
use super::vectors::cosine;
use super::{Limit, Pick, Picked, Vectors};
use lobass_core::parallel::each;

/// Gains that are computed again at a time.
const STALE: usize = if cfg!(test) { 2 } else { 32 };
/// Candidates whose gains one thread computes at a time, so that witnesses are read from memory once for all of them.
const CANDIDATES: usize = if cfg!(test) { 2 } else { 16 };
/// Witnesses that stay in the cache meanwhile.
const WITNESSES: usize = if cfg!(test) { 3 } else { 64 };

/// Likenesses that are kept rather than computed again, in values: 256 MiB.
const KEPT: usize = if cfg!(test) { 150 } else { 64 << 20 };

/// Chooses the row that adds most to `sum over witnesses of max over chosen rows of (1 + cos) / 2`, again and again.
///
/// Every witness wants a chosen row that is like it. With all eligible rows as `witnesses` this is facility location.
/// The first gains take as many products as there are pairs of both. For more than some ten thousand rows, take a
/// [sample of them](witnesses), which estimates the same sum.
///
/// Gains only shrink, so a gain is computed again only if its old value would be the largest (lazy greedy). If eligible
/// rows and witnesses have at most 64 Mi pairs, their similarities are kept for that. A pick's value is its gain, as a
/// share of the number of witnesses. Of equal gains, that of the smaller hash wins.
///
/// # Panics
/// If a row has no place in `vectors` or `ties`.
///
/// Source: the diversity step of Superfiltering (arXiv 2402.00530), which takes distances of sentence vectors; Minoux,
/// 1978, for the laziness.
pub fn facility_location(
    vectors: Vectors<'_>,
    eligible: &[u32],
    witnesses: &[u32],
    mut limit: Limit<'_>,
    ties: &[u64],
    threads: usize,
) -> Picked {
    let rows = Rows::by_hash(vectors, eligible, ties);
    let likeness = Likeness::new(&rows, Rows::by_hash(vectors, witnesses, ties), threads);
    let n_witnesses = likeness.witnesses.len();
    let mut covered = vec![0.0f32; n_witnesses];
    let all: Vec<usize> = (0..rows.len()).collect();
    let first = likeness.gains(&all, &covered, threads);
    let bound = |(place, gain)| Bound { gain, place, n_chosen: 0 };
    let mut bounds: BinaryHeap<Bound> = all.into_iter().zip(first).map(bound).collect();
    let mut picks = Vec::new();
    while let Some(best) = bounds.peek().copied() {
        if best.n_chosen == picks.len() {
            bounds.pop();
            let row = rows.rows[best.place];
            if !limit.admit(row) {
                break;
            }
            for (covered, more) in covered.iter_mut().zip(likeness.of(best.place, 0..n_witnesses)) {
                *covered = covered.max(more);
            }
            picks.push(Pick { row, value: best.gain / n_witnesses.max(1) as f64 });
            continue;
        }
        // Those in front, up to one that is fresh.
        let mut stale = Vec::new();
        while stale.len() < STALE && bounds.peek().is_some_and(|bound| bound.n_chosen < picks.len()) {
            stale.extend(bounds.pop().map(|bound| bound.place));
        }
        let fresh = likeness.gains(&stale, &covered, threads);
        let bound = |(place, gain)| Bound { gain, place, n_chosen: picks.len() };
        bounds.extend(stale.into_iter().zip(fresh).map(bound));
    }
    Picked { picks, n_without_vector: rows.n_without_vector }
}

/// The eligible rows with the smallest hashes: a seeded sample, the same in any order of the file.
pub fn witnesses(eligible: &[u32], n: usize, ties: &[u64]) -> Vec<u32> {
    let mut rows = eligible.to_vec();
    let hash = |&row: &u32| (ties[row as usize], row);
    if n < rows.len() {
        rows.select_nth_unstable_by_key(n, hash);
        rows.truncate(n);
    }
    rows.sort_unstable_by_key(hash);
    rows
}

/// The gain of a row at an earlier number of chosen rows: never less than its gain now.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    gain: f64,
    place: usize,
    n_chosen: usize,
}

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    /// The larger gain is greater, then the earlier place.
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.place.cmp(&self.place))
    }
}

/// How like witnesses rows are: from 0, opposite, to 1.
struct Likeness<'a> {
    rows: &'a Rows<'a>,
    witnesses: Rows<'a>,
    /// Row by row, if they are few.
    kept: Option<Vec<f32>>,
}

impl<'a> Likeness<'a> {
    fn new(rows: &'a Rows<'a>, witnesses: Rows<'a>, threads: usize) -> Self {
        let mut likeness = Self { rows, witnesses, kept: None };
        let n_witnesses = likeness.witnesses.len();
        if rows.len().saturating_mul(n_witnesses) <= KEPT {
            let of_job = |job: usize| {
                let places = job * CANDIDATES..rows.len().min((job + 1) * CANDIDATES);
                let mut found = vec![0.0; places.len() * n_witnesses];
                for block in likeness.blocks() {
                    for (place, found) in places.clone().zip(found.chunks_exact_mut(n_witnesses)) {
                        let values = likeness.of(place, block.clone());
                        found[block.clone()].iter_mut().zip(values).for_each(|(found, value)| *found = value);
                    }
                }
                found
            };
            likeness.kept = Some(each(rows.len().div_ceil(CANDIDATES), threads, of_job).concat());
        }
        likeness
    }

    /// Those of a row to some witnesses.
    fn of(&self, place: usize, witnesses: Range<usize>) -> impl Iterator<Item = f32> {
        let start = place * self.witnesses.len();
        let kept = self.kept.as_ref().map(|kept| &kept[start + witnesses.start..start + witnesses.end]);
        let row = self.rows.at(place);
        witnesses.enumerate().map(move |(at, witness)| match kept {
            Some(kept) => kept[at],
            None => 0.5 + 0.5 * cosine(row, self.witnesses.at(witness)),
        })
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let n_witnesses = self.witnesses.len();
        (0..n_witnesses).step_by(WITNESSES).map(move |start| start..n_witnesses.min(start + WITNESSES))
    }

    /// The gains of some rows. Sums run over the witnesses in their order, on any number of threads. So a gain is never
    /// larger than an earlier one, not even by a rounding.
    fn gains(&self, places: &[usize], covered: &[f32], threads: usize) -> Vec<f64> {
        let of_job = |job: usize| {
            let places = places.chunks(CANDIDATES).nth(job).unwrap_or_default();
            let mut sums = vec![0.0f64; places.len()];
            for block in self.blocks() {
                for (sum, &place) in sums.iter_mut().zip(places) {
                    for (value, covered) in self.of(place, block.clone()).zip(&covered[block.clone()]) {
                        *sum += f64::from((value - covered).max(0.0));
                    }
                }
            }
            sums
        };
        each(places.len().div_ceil(CANDIDATES), threads, of_job).concat()
    }
}
