//! One step of the `AdamW` optimizer.

use crate::lanes::vectorized;

/// The scalars of one step, best computed in `f64`.
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    /// The factor of a step.
    pub learning_rate: f32,
    /// How much of the mean gradient is kept.
    pub beta_1: f32,
    /// How much of the mean square is kept.
    pub beta_2: f32,
    /// The term added to the root of the mean square.
    pub epsilon: f32,
    /// The decay of a weight, as a fraction of it per unit of learning rate.
    pub weight_decay: f32,
    /// `1 - beta_1^t` at step `t`, counted from 1.
    pub correction_1: f32,
    /// `sqrt(1 - beta_2^t)`.
    pub correction_2_sqrt: f32,
}

/// Takes one step: updates the weights, and the means of gradients and of their squares.
///
/// # Shapes
/// All as long as each other.
///
/// # Panics
/// If they are not.
///
/// Source: `torch.optim.AdamW`, with its defaults otherwise.
pub fn adamw(step: AdamW, weights: &mut [f32], gradients: &[f32], means: &mut [f32], squares: &mut [f32]) {
    let len = weights.len();
    assert_eq!((gradients.len(), means.len(), squares.len()), (len, len, len), "gradients, means, squares");
    let kept = 1.0 - step.learning_rate * step.weight_decay;
    let (new_1, new_2) = (1.0 - step.beta_1, 1.0 - step.beta_2);
    let size = step.learning_rate / step.correction_1;
    vectorized(
        #[inline(always)]
        || {
            let moments = means.iter_mut().zip(squares);
            for ((weight, gradient), (mean, square)) in weights.iter_mut().zip(gradients).zip(moments) {
                *mean = new_1.mul_add(gradient - *mean, *mean);
                *square = step.beta_2.mul_add(*square, new_2 * gradient * gradient);
                let root = square.sqrt() / step.correction_2_sqrt + step.epsilon;
                *weight = weight.mul_add(kept, -(size * *mean / root));
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values, wide};
    use crate::plain;

    fn step(t: i32) -> AdamW {
        let (beta_1, beta_2) = (0.9_f32, 0.95_f32);
        AdamW {
            learning_rate: 1e-2,
            beta_1,
            beta_2,
            epsilon: 1e-8,
            weight_decay: 0.1,
            correction_1: 1.0 - beta_1.powi(t),
            correction_2_sqrt: (1.0 - beta_2.powi(t)).sqrt(),
        }
    }

    proptest! {
        #[test]
        fn is_the_plain_one(len in 0usize..50, seed: u64) {
            let mut weights = values(seed, len);
            let (mut means, mut squares) = (vec![0.0; len], vec![0.0; len]);
            let (mut wide_weights, mut wide_means, mut wide_squares) =
                (wide(&weights), wide(&means), wide(&squares));
            for t in 1..4_i32 {
                let gradients = values(seed ^ u64::from(t.unsigned_abs()), len);
                adamw(step(t), &mut weights, &gradients, &mut means, &mut squares);
                plain::adamw(step(t), &mut wide_weights, &wide(&gradients), &mut wide_means, &mut wide_squares);
            }
            assert_close(&weights, &wide_weights, 1e-6);
            assert_close(&means, &wide_means, 1e-6);
            assert_close(&squares, &wide_squares, 1e-6);
        }
    }

    #[test]
    fn the_first_step_is_the_learning_rate_long() {
        let (mut weights, mut means, mut squares) = ([1.0, -2.0], [0.0; 2], [0.0; 2]);
        adamw(step(1), &mut weights, &[5.0, -0.1], &mut means, &mut squares);
        // Decay by 1e-2 * 0.1 of the weight, and a step against the sign of the gradient.
        assert_close(&weights, &[1.0 - 1e-3 - 1e-2, -2.0 + 2e-3 + 1e-2], 1e-6);
    }
}
