//! The Brier loss of a label given logits.

use crate::lanes::{dot, exp_shifted, greatest};
use crate::running::{PIECE, Running, Sums};

/// The Brier losses of labels while the logits come in, some tokens of the vocabulary at a time.
///
/// With `p` the softmax of a row, the loss is `1 - 2 p[label] + sum(p^2)`: the squared distance between the prediction
/// and the token that came, over the whole vocabulary.
#[derive(Debug, Clone)]
pub struct RunningBrier<'a>(Running<'a, Squares>);

/// The greatest logit, and the sums of exponentials shifted by it and of their squares.
#[derive(Debug, Clone, Copy)]
struct Squares {
    max: f32,
    sum: f64,
    squares: f64,
}

impl<'a> RunningBrier<'a> {
    /// Begins with an empty vocabulary.
    pub fn new(labels: &'a [u32]) -> Self {
        Self(Running::new(labels))
    }

    /// Takes the logits of the next `width` tokens, and leaves their exponentials.
    ///
    /// # Shapes
    /// - `logits`: `[rows, width]`
    ///
    /// # Panics
    /// If there are not as many logits.
    pub fn add(&mut self, logits: &mut [f32], width: usize) {
        self.0.add(logits, width);
    }

    /// The Brier losses, from 0 to 2. A row with a NaN, with positive infinity, or with nothing but negative infinity
    /// has the loss NaN.
    ///
    /// # Panics
    /// If a label is not below the number of tokens seen.
    pub fn losses(self) -> Vec<f32> {
        self.0.rows().map(|(squares, logit)| squares.loss(logit)).collect()
    }
}

impl Sums for Squares {
    const EMPTY: Self = Self { max: f32::NEG_INFINITY, sum: 0.0, squares: 0.0 };

    #[inline(always)]
    fn over(logits: &mut [f32]) -> Self {
        let max = greatest(logits);
        if max == f32::NEG_INFINITY {
            // Nothing, unless something is not even a number.
            let sum = if logits.iter().any(|logit| logit.is_nan()) { f64::NAN } else { 0.0 };
            return Self { sum, ..Self::EMPTY };
        }
        let (mut sum, mut squares) = (0.0, 0.0);
        for piece in logits.chunks_mut(PIECE) {
            sum += f64::from(exp_shifted(piece, max));
            squares += f64::from(dot(piece, piece));
        }
        Self { max, sum, squares }
    }

    fn joined(self, other: Self) -> Self {
        if other.is_empty() {
            return self;
        }
        if self.is_empty() {
            return other;
        }
        let max = self.max.max(other.max);
        let scale = |shift: f32| (f64::from(shift) - f64::from(max)).exp();
        let (mine, others) = (scale(self.max), scale(other.max));
        Self {
            max,
            sum: self.sum * mine + other.sum * others,
            squares: self.squares * mine * mine + other.squares * others * others,
        }
    }
}

impl Squares {
    fn is_empty(self) -> bool {
        self.max == f32::NEG_INFINITY && self.sum == 0.0
    }

    fn loss(self, logit: f32) -> f32 {
        let of_label = (f64::from(logit) - f64::from(self.max)).exp() / self.sum;
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
