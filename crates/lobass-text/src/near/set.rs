//! Sets of shingles, and how alike two of them are.

use std::cmp::Ordering;

/// Shingles that are kept of a text.
pub(super) const KEPT: usize = 256;

/// The shingles of one text: all of them, or the smallest of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// Ascending; [`KEPT`] at most.
    smallest: Box<[u32]>,
    n_shingles: u32,
}

impl Set {
    /// Keeps what has to be kept of a set, ascending.
    pub(super) fn new(mut shingles: Vec<u32>) -> Self {
        let n_shingles = u32::try_from(shingles.len()).unwrap_or(u32::MAX);
        shingles.truncate(KEPT);
        Self { smallest: shingles.into_boxed_slice(), n_shingles }
    }
}

/// The sets of many texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    shingles: Vec<u32>,
    /// For each text: the end of its shingles, and their number.
    ends: Vec<(u64, u32)>,
}

impl Kept {
    pub(super) fn push(&mut self, set: &Set) {
        self.shingles.extend_from_slice(&set.smallest);
        self.ends.push((self.shingles.len() as u64, set.n_shingles));
    }

    /// A text's smallest shingles, and how many it has in all.
    #[expect(clippy::cast_possible_truncation, reason = "places in a list that is in memory")]
    fn get(&self, text: u32) -> (&[u32], usize) {
        let text = text as usize;
        let start = if text == 0 { 0 } else { self.ends[text - 1].0 };
        let (end, n_shingles) = self.ends[text];
        (&self.shingles[start as usize..end as usize], n_shingles as usize)
    }

    /// How similar a text is to a set that is not kept.
    pub(super) fn similarity_to(&self, text: u32, other: &Set) -> f64 {
        similarity(self.get(text), (&other.smallest, other.n_shingles as usize))
    }

    /// Whether two texts are at least so similar.
    pub(super) fn are_similar(&self, left: u32, right: u32, jaccard: f64) -> bool {
        let (left, n_left) = self.get(left);
        let (right, n_right) = self.get(right);
        let most = n_left.min(n_right) as f64 / n_left.max(n_right) as f64;
        most >= jaccard && similarity((left, n_left), (right, n_right)) >= jaccard
    }
}

/// The Jaccard similarity of two sets, counted out if both are whole.
///
/// Otherwise it is an estimate: the share of the [`KEPT`] smallest shingles of either that are in both (Cohen and
/// Kaplan's bottom-k sketch). Those shingles are a random sample of the union, so the standard deviation is
/// `sqrt(J (1 - J) / 256)`, 0.025 at 0.8.
fn similarity((left, n_left): (&[u32], usize), (right, n_right): (&[u32], usize)) -> f64 {
    let whole = left.len() == n_left && right.len() == n_right;
    let limit = if whole { usize::MAX } else { KEPT };
    let (mut l, mut r, mut n_either, mut n_both) = (0, 0, 0_usize, 0_usize);
    while n_either < limit && l < left.len() && r < right.len() {
        n_either += 1;
        match left[l].cmp(&right[r]) {
            Ordering::Less => l += 1,
            Ordering::Greater => r += 1,
            Ordering::Equal => {
                n_both += 1;
                l += 1;
                r += 1;
            }
        }
    }
    let rest = (left.len() - l) + (right.len() - r);
    n_both as f64 / n_either.saturating_add(rest).min(limit) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(left: &[u32], right: &[u32]) -> f64 {
        let n_both = left.iter().filter(|shingle| right.contains(shingle)).count();
        n_both as f64 / (left.len() + right.len() - n_both) as f64
    }

    fn of(shingles: &[u32]) -> (Vec<u32>, usize) {
        (shingles.iter().copied().take(KEPT).collect(), shingles.len())
    }

    fn found(left: &[u32], right: &[u32]) -> f64 {
        let ((left, n_left), (right, n_right)) = (of(left), of(right));
        similarity((&left, n_left), (&right, n_right))
    }

    #[test]
    fn whole_sets_are_counted_out() {
        let left: Vec<u32> = (0..200).map(|at| 3 * at).collect();
        let right: Vec<u32> = (0..256).map(|at| 2 * at).collect();
        assert_eq!(found(&left, &right), exact(&left, &right));
        assert_eq!(found(&left, &left), 1.0);
        assert_eq!(found(&[1, 3], &[2, 4]), 0.0);
    }

    #[test]
    fn of_many_a_sample_is_counted() {
        let mixed = |at: u32| at.wrapping_mul(0x9e37_79b1) ^ (at << 7);
        let set = |range: std::ops::Range<u32>| {
            let mut all: Vec<u32> = range.map(mixed).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        for (left, right) in [(0..5000, 500..5500), (0..5000, 0..4000), (0..300, 30..330), (0..200, 0..260)] {
            let (left, right) = (set(left), set(right));
            let (found, exact) = (found(&left, &right), exact(&left, &right));
            assert!((found - exact).abs() < 0.08, "expected {exact}, found {found}");
        }
    }
}
