//! The loss of a label given logits, and its gradient.

use crate::lanes::{exp_shifted, greatest, vectorized};

/// Exponentials summed in `f32` before the sum goes on in `f64`, so that a vocabulary of any size loses no digits.
const PIECE: usize = 1024;

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

/// The width of a row; none if there are no rows.
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
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
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
