//! Weights on both sides of others, along a direction.

use super::costate::norm;

/// Two models at `theta + s v` and `theta - s v`. Half the difference of a row's losses under them, divided by `s`, is
/// the product of the row's gradient with `v`, up to a term of the order of `s^2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// The step `s`.
    pub step: f64,
}

impl Probe {
    /// The share of the norm of the weights that products with gradients of rows move by.
    pub const ROWS: f64 = 3e-5;
    /// The same for products with a Hessian.
    pub const CURVATURE: f64 = 1e-4;

    /// A step of `radius |theta| / |v|`. With weights in f32, much less is lost in rounding, and much more bends.
    pub fn new(weights: &[f32], direction: &[f64], radius: f64) -> Self {
        let squares = weights.iter().map(|&weight| f64::from(weight) * f64::from(weight));
        Self { step: radius * squares.sum::<f64>().sqrt() / norm(direction) }
    }

    /// The weights on both sides.
    ///
    /// # Panics
    /// If there is not a weight for each value of the direction.
    pub fn weights(self, weights: &[f32], direction: &[f64]) -> [Vec<f32>; 2] {
        assert_eq!(weights.len(), direction.len(), "a weight for each value");
        [self.step, -self.step].map(|step| moved(weights, step, direction))
    }

    /// The product of a gradient with the direction, from the losses on both sides.
    pub fn product(self, plus: f64, minus: f64) -> f64 {
        (plus - minus) / (2.0 * self.step)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
pub(super) fn moved(weights: &[f32], step: f64, direction: &[f64]) -> Vec<f32> {
    let moved = |(&weight, &direction): (&f32, &f64)| (f64::from(weight) + step * direction) as f32;
    weights.iter().zip(direction).map(moved).collect()
}
