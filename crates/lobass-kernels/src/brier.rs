//! The Brier loss of a label given logits.

use crate::lanes::{dot, exp_shifted, greatest, vectorized};

/// Exponentials summed in `f32` before the sum goes on in `f64`.
const PIECE: usize = 1024;

/// The Brier losses of labels while the logits come in, some tokens of the vocabulary at a time.
///
/// With `p` the softmax of a row that is `1 - 2 p[label] + sum(p^2)`: the squared distance between the prediction and
/// what was said, over the whole vocabulary.
#[derive(Debug, Clone)]
pub struct RunningBrier<'a> {
    labels: &'a [u32],
    n_seen: usize,
    rows: Vec<Seen>,
}

/// What is known of a row: the greatest logit, the sums of exponentials shifted by it and of their squares, and the
/// label's logit.
#[derive(Debug, Clone, Copy)]
struct Seen {
    max: f32,
    sum: f64,
    squares: f64,
    logit: f32,
}

const NOTHING: Seen = Seen { max: f32::NEG_INFINITY, sum: 0.0, squares: 0.0, logit: f32::NAN };

impl<'a> RunningBrier<'a> {
    /// Begins with an empty vocabulary.
    pub fn new(labels: &'a [u32]) -> Self {
        Self { labels, n_seen: 0, rows: vec![NOTHING; labels.len()] }
    }

    /// Takes the logits of the next `width` tokens, and leaves their exponentials.
    ///
    /// # Shapes
    /// - `logits`: `[rows, width]`
    ///
    /// # Panics
    /// If there are not as many logits.
    pub fn add(&mut self, logits: &mut [f32], width: usize) {
        assert_eq!(logits.len(), self.labels.len() * width, "logits of {} rows", self.labels.len());
        for ((row, label), known) in logits.chunks_exact_mut(width).zip(self.labels).zip(&mut self.rows) {
            let label = (*label as usize).checked_sub(self.n_seen).and_then(|at| row.get(at)).copied();
            let seen = vectorized(
                #[inline(always)]
                || seen(row),
            );
            known.join(seen);
            if let Some(logit) = label {
                known.logit = logit;
            }
        }
        self.n_seen += width;
    }

    /// The Brier losses, from 0 to 2. A row with a NaN, with positive infinity, or with nothing but negative infinity
    /// has the loss NaN.
    ///
    /// # Panics
    /// If a label is not below the number of tokens seen.
    pub fn losses(self) -> Vec<f32> {
        let highest = self.labels.iter().copied().max().unwrap_or(0) as usize;
        assert!(
            self.rows.is_empty() || highest < self.n_seen,
            "label {highest} of a vocabulary of {}",
            self.n_seen
        );
        self.rows.iter().map(Seen::loss).collect()
    }
}

#[inline(always)]
fn seen(row: &mut [f32]) -> Seen {
    let max = greatest(row);
    if max == f32::NEG_INFINITY {
        // Nothing, unless something is not even a number.
        let sum = if row.iter().any(|logit| logit.is_nan()) { f64::NAN } else { 0.0 };
        return Seen { max, sum, ..NOTHING };
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for piece in row.chunks_mut(PIECE) {
        sum += f64::from(exp_shifted(piece, max));
        squares += f64::from(dot(piece, piece));
    }
    Seen { max, sum, squares, logit: f32::NAN }
}

impl Seen {
    /// Adds what was seen of other tokens.
    fn join(&mut self, other: Self) {
        if other.max == f32::NEG_INFINITY && other.sum == 0.0 {
            return;
        }
        if self.max == f32::NEG_INFINITY && self.sum == 0.0 {
            *self = Self { logit: self.logit, ..other };
            return;
        }
        let max = self.max.max(other.max);
        let scale = |shift: f32| (f64::from(shift) - f64::from(max)).exp();
        let (mine, others) = (scale(self.max), scale(other.max));
        self.sum = self.sum * mine + other.sum * others;
        self.squares = self.squares * mine * mine + other.squares * others * others;
        self.max = max;
    }

    fn loss(&self) -> f32 {
        let of_label = (f64::from(self.logit) - f64::from(self.max)).exp() / self.sum;
        let loss = 1.0 - 2.0 * of_label + self.squares / (self.sum * self.sum);
        #[expect(clippy::cast_possible_truncation, reason = "rounds a number from 0 to 2")]
        let rounded = loss as f32;
        rounded
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{self, assert_close, wide};
    use crate::plain;

    fn in_blocks(logits: &[f32], labels: &[u32], vocab: usize, width: usize) -> Vec<f32> {
        let mut running = RunningBrier::new(labels);
        check::in_blocks(logits, vocab, width, |block, width| running.add(block, width));
        running.losses()
    }

    proptest! {
        #[test]
        fn is_the_plain_one_in_any_blocks(
            (rows, vocab, width) in (1usize..4, 1usize..2500, 1usize..1500), size in 0.1f32..40.0, seed: u64,
        ) {
            let logits = check::logits(seed, rows, vocab, size);
            let label = |row: u64| u32::try_from((seed ^ (row * 31)) % vocab as u64).unwrap();
            let labels: Vec<u32> = (0..rows as u64).map(label).collect();
            let mut expected = vec![0.0; rows];
            plain::brier(&wide(&logits), &labels, &mut expected);
            let found = in_blocks(&logits, &labels, vocab, width);
            let (found, expected): (Vec<f32>, Vec<f64>) =
                found.into_iter().zip(expected).filter(|(_, expected)| expected.is_finite()).unzip();
            assert_close(&found, &expected, 1e-5);
            prop_assert!(found.iter().all(|loss| (-1e-6..=2.0 + 1e-6).contains(&f64::from(*loss))));
        }
    }

    #[test]
    fn by_hand() {
        // Even odds of four: 1 - 2/4 + 4/16.
        assert!((in_blocks(&[0.0; 4], &[2], 4, 3)[0] - 0.75).abs() < 1e-6);
        // Certain, and right or wrong.
        let certain = [200.0, 0.0, 0.0, 0.0];
        assert!(in_blocks(&certain, &[0], 4, 2)[0].abs() < 1e-6);
        assert!((in_blocks(&certain, &[3], 4, 2)[0] - 2.0).abs() < 1e-6);
        assert!(in_blocks(&[f32::NAN, 0.0, 0.0, 0.0], &[3], 4, 2)[0].is_nan());
        assert!(in_blocks(&[f32::INFINITY, 0.0, 0.0, 0.0], &[3], 4, 2)[0].is_nan());
    }

    #[test]
    #[should_panic(expected = "label 4 of a vocabulary of 4")]
    fn labels_have_to_have_come_by() {
        in_blocks(&[0.0; 4], &[4], 4, 4);
    }
}
