//! The loss of a label given logits, and its gradient.

use crate::lanes::{exp_shifted, greatest, vectorized};
use crate::running::{PIECE, Running, Sums};

/// Computes `losses[i] = log(sum(exp(row))) - row[labels[i]]`, in nats.
///
/// A row with a NaN, with positive infinity, or with nothing but negative infinity has the loss NaN.
///
/// # Shapes
/// - `logits`: `[rows, vocab]`; `labels`, `losses`: `[rows]`
///
/// # Panics
/// If lengths do not fit, or a label is not below `vocab`.
///
/// Source: `torch.nn.functional.cross_entropy(.., reduction="none")`.
pub fn cross_entropy(logits: &[f32], labels: &[u32], losses: &mut [f32]) {
    let Some(vocab) = vocab(logits.len(), labels, losses.len()) else { return };
    let mut piece = [0.0; PIECE];
    for ((row, label), loss) in logits.chunks_exact(vocab).zip(labels).zip(losses) {
        let (max, sum) = vectorized(
            #[inline(always)]
            || {
                let max = greatest(row);
                let mut sum = 0.0;
                for row in row.chunks(PIECE) {
                    let piece = &mut piece[..row.len()];
                    piece.copy_from_slice(row);
                    sum += f64::from(exp_shifted(piece, max));
                }
                (max, sum)
            },
        );
        *loss = loss_of(row[*label as usize], max, sum);
    }
}

/// The losses of labels while the logits come in, some tokens of the vocabulary at a time.
#[derive(Debug, Clone)]
pub struct RunningCrossEntropy<'a>(Running<'a, Exponentials>);

/// The greatest logit, and the sum of all exponentials shifted by it.
#[derive(Debug, Clone, Copy)]
struct Exponentials {
    max: f32,
    sum: f64,
}

impl<'a> RunningCrossEntropy<'a> {
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

    /// The losses `log(sum(exp(row))) - row[labels[i]]`, in nats: those of [`cross_entropy`], up to the order of sums.
    ///
    /// # Panics
    /// If a label is not below the number of tokens seen.
    pub fn losses(self) -> Vec<f32> {
        self.0.rows().map(|(Exponentials { max, sum }, logit)| loss_of(logit, max, sum)).collect()
    }
}

impl Sums for Exponentials {
    const EMPTY: Self = Self { max: f32::NEG_INFINITY, sum: 0.0 };

    #[inline(always)]
    fn over(logits: &mut [f32]) -> Self {
        let max = greatest(logits);
        if max == f32::NEG_INFINITY {
            // Nothing, unless something is not even a number.
            let sum = if logits.iter().any(|logit| logit.is_nan()) { f64::NAN } else { 0.0 };
            return Self { max, sum };
        }
        let mut sum = 0.0;
        for piece in logits.chunks_mut(PIECE) {
            sum += f64::from(exp_shifted(piece, max));
        }
        Self { max, sum }
    }

    fn joined(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let max = self.max.max(other.max);
        let scaled = |one: Self| one.sum * (f64::from(one.max) - f64::from(max)).exp();
        Self { max, sum: scaled(self) + scaled(other) }
    }
}

impl Exponentials {
    fn is_empty(self) -> bool {
        self.max == f32::NEG_INFINITY && self.sum == 0.0
    }
}

/// Computes the same losses, and overwrites `logits` with the gradient of `sum(seeds * losses)`:
/// `seeds[i] * (softmax(row) - onehot(labels[i]))`.
///
/// # Shapes
/// - `logits`: `[rows, vocab]`; `labels`, `seeds`, `losses`: `[rows]`
///
/// # Panics
/// If lengths do not fit, or a label is not below `vocab`.
pub fn cross_entropy_backward(logits: &mut [f32], labels: &[u32], seeds: &[f32], losses: &mut [f32]) {
    assert_eq!(seeds.len(), labels.len(), "one seed per row");
    let Some(vocab) = vocab(logits.len(), labels, losses.len()) else { return };
    for (((row, label), seed), loss) in logits.chunks_exact_mut(vocab).zip(labels).zip(seeds).zip(losses) {
        let label = *label as usize;
        let of_label = row[label];
        let (max, sum) = vectorized(
            #[inline(always)]
            || {
                let max = greatest(row);
                let mut sum = 0.0;
                for row in row.chunks_mut(PIECE) {
                    sum += f64::from(exp_shifted(row, max));
                }
                let factor = narrow(f64::from(*seed) / sum);
                for value in &mut *row {
                    *value *= factor;
                }
                (max, sum)
            },
        );
        row[label] -= seed;
        *loss = loss_of(of_label, max, sum);
    }
}

/// `log(sum) + max - logit`.
fn loss_of(logit: f32, max: f32, sum: f64) -> f32 {
    narrow(sum.ln() + (f64::from(max) - f64::from(logit)))
}

#[expect(clippy::cast_possible_truncation, reason = "rounds; beyond `f32` it is infinite, as it should be")]
#[inline(always)]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// The width of a row; `None` if there are no rows.
fn vocab(logits: usize, labels: &[u32], losses: usize) -> Option<usize> {
    assert_eq!(losses, labels.len(), "one loss per row");
    if labels.is_empty() {
        assert_eq!(logits, 0, "logits without labels");
        return None;
    }
    let vocab = logits / labels.len();
    assert_eq!(vocab * labels.len(), logits, "logits of {} rows", labels.len());
    let highest = labels.iter().copied().max().unwrap_or(0);
    assert!((highest as usize) < vocab, "label {highest} of a vocabulary of {vocab}");
    Some(vocab)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{self, assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    fn labels(rows: usize, vocab: usize, seed: u64) -> Vec<u32> {
        (0..rows as u64).map(|row| u32::try_from((seed ^ (row * 31)) % vocab as u64).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn is_the_plain_one(rows in 0usize..4, vocab in 1usize..2500, size in 0.1f32..40.0, seed: u64) {
            let logits: Vec<f32> = values(seed, rows * vocab).iter().map(|x| x * size).collect();
            let (labels, seeds) = (labels(rows, vocab, seed), values(seed ^ 1, rows));
            let (mut losses, mut same_losses, mut expected) = (vec![0.0; rows], vec![0.0; rows], vec![0.0; rows]);
            cross_entropy(&logits, &labels, &mut losses);
            plain::cross_entropy(&wide(&logits), &labels, &mut expected);
            assert_close(&losses, &expected, 1e-6);

            let (mut gradient, mut expected_gradient) = (logits.clone(), wide(&logits));
            cross_entropy_backward(&mut gradient, &labels, &seeds, &mut same_losses);
            plain::cross_entropy_backward(&mut expected_gradient, &labels, &wide(&seeds), &mut expected);
            prop_assert_eq!(same_losses, losses);
            assert_close(&gradient, &expected_gradient, 1e-6);
        }
    }

    /// The losses with the vocabulary in blocks.
    fn in_blocks(logits: &[f32], labels: &[u32], vocab: usize, width: usize) -> Vec<f32> {
        let mut running = RunningCrossEntropy::new(labels);
        check::in_blocks(logits, vocab, width, |block, width| running.add(block, width));
        running.losses()
    }

    proptest! {
        #[test]
        fn blocks_of_the_vocabulary_make_the_same_losses(
            (rows, vocab, width) in (1usize..4, 1usize..2500, 1usize..1500), size in 0.1f32..40.0, seed: u64,
        ) {
            let logits = check::logits(seed, rows, vocab, size);
            let labels = labels(rows, vocab, seed);
            let mut expected = vec![0.0; rows];
            cross_entropy(&logits, &labels, &mut expected);
            let wide: Vec<f64> = expected.iter().copied().map(f64::from).collect();
            let found = in_blocks(&logits, &labels, vocab, width);
            for ((found, expected), wide) in found.iter().zip(&expected).zip(&wide) {
                let same = found.is_nan() == expected.is_nan() && found.is_infinite() == expected.is_infinite();
                prop_assert!(same, "{} for {}", found, expected);
                prop_assert!(!wide.is_finite() || (f64::from(*found) - wide).abs() <= 1e-6 * (1.0 + wide.abs()));
            }
        }
    }

    #[test]
    fn a_broken_block_breaks_its_row_alone() {
        for broken in [f32::NAN, f32::INFINITY] {
            let mut logits = values(2, 120);
            logits[40 + 16..40 + 24].fill(broken);
            let losses = in_blocks(&logits, &[3, 17, 3], 40, 8);
            assert_eq!(losses.iter().map(|loss| loss.is_finite()).collect::<Vec<_>>(), [true, false, true]);
        }
        let mut ruled_out = values(2, 40);
        ruled_out[8..24].fill(f32::NEG_INFINITY);
        let (losses, mut expected) = (in_blocks(&ruled_out, &[3], 40, 8), [0.0]);
        cross_entropy(&ruled_out, &[3], &mut expected);
        assert!((losses[0] - expected[0]).abs() < 1e-5 && losses[0].is_finite());
        assert_eq!(in_blocks(&ruled_out, &[9], 40, 8), [f32::INFINITY]);
        assert!(in_blocks(&[f32::NEG_INFINITY; 6], &[1], 6, 4)[0].is_nan());
    }

    #[test]
    #[should_panic(expected = "label 4 of a vocabulary of 4")]
    fn labels_have_to_have_come_by() {
        in_blocks(&[0.0; 4], &[4], 4, 4);
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (logits, labels, seeds) = (wide(&values(1, 12)), [0, 5], [0.5, -2.0]);
        let (mut gradient, mut losses) = (logits.clone(), vec![0.0; 2]);
        plain::cross_entropy_backward(&mut gradient, &labels, &seeds, &mut losses);
        let loss = |logits: &[f64]| {
            let mut losses = vec![0.0; 2];
            plain::cross_entropy(logits, &labels, &mut losses);
            weighted(&losses, &seeds)
        };
        assert_gradient(loss, &logits, &gradient);
    }

    #[test]
    fn a_broken_row_has_a_broken_loss_and_breaks_no_other() {
        for broken in [f32::NAN, f32::INFINITY] {
            for at in [0, 3, 17, 39] {
                let mut logits = values(2, 120);
                logits[40 + at] = broken;
                let mut losses = [0.0; 3];
                cross_entropy(&logits, &[3, 3, 3], &mut losses);
                assert_eq!(losses.map(f32::is_finite), [true, false, true], "{broken} at {at}");
                cross_entropy_backward(&mut logits, &[3, 3, 3], &[1.0; 3], &mut losses);
                assert_eq!(losses.map(f32::is_finite), [true, false, true], "{broken} at {at}");
            }
        }
        let mut losses = [0.0; 2];
        cross_entropy(&[f32::NEG_INFINITY; 6], &[1, 2], &mut losses);
        assert!(losses.iter().all(|loss| loss.is_nan()));
        // What a model rules out costs nothing, unless it is the label.
        cross_entropy(&[0.0, f32::NEG_INFINITY, 0.0, f32::NEG_INFINITY], &[0, 1], &mut losses);
        assert_eq!(losses, [0.0, f32::INFINITY]);
    }

    #[test]
    #[should_panic(expected = "label 4 of a vocabulary of 4")]
    fn labels_have_to_be_in_the_vocabulary() {
        cross_entropy(&[0.0; 8], &[0, 4], &mut [0.0; 2]);
    }
}
