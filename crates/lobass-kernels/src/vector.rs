//! Operations on whole vectors, for optimizers and accumulated gradients.

use crate::lanes::{LANES, vectorized};

/// Computes the sum of squares, in `f64`.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [0f64; LANES];
            for x in x.chunks(LANES) {
                for (lane, x) in lanes.iter_mut().zip(x) {
                    let x = f64::from(*x);
                    *lane = x.mul_add(x, *lane);
                }
            }
            lanes.iter().sum()
        },
    )
}

/// Computes `y += a * x`.
///
/// # Panics
/// If `x` and `y` are not as long as each other.
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "what is added, and to what");
    vectorized(
        #[inline(always)]
        || {
            for (y, x) in y.iter_mut().zip(x) {
                *y = a.mul_add(*x, *y);
            }
        },
    );
}

/// Computes `y = x + scale * y`: for a scale of 1, with the bits of [`axpy`].
///
/// # Panics
/// If `x` and `y` are not as long as each other.
pub fn scaled_sum(x: &[f32], scale: f32, y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "what is added, and to what");
    vectorized(
        #[inline(always)]
        || {
            for (y, x) in y.iter_mut().zip(x) {
                *y = scale.mul_add(*y, *x);
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

    proptest! {
        #[test]
        fn is_the_plain_one(len in 0usize..100, a in -3f32..3.0, seed: u64) {
            let (x, y) = (values(seed, len), values(seed ^ 1, len));
            let (expected, found) = (plain::sum_of_squares(&wide(&x)), sum_of_squares(&x));
            prop_assert!((found - expected).abs() <= 1e-14 * expected);

            let (mut found, mut expected) = (y.clone(), wide(&y));
            axpy(a, &x, &mut found);
            plain::axpy(f64::from(a), &wide(&x), &mut expected);
            assert_close(&found, &expected, 1e-6);

            let (mut found, mut expected) = (y.clone(), wide(&y));
            scaled_sum(&x, a, &mut found);
            plain::scaled_sum(&wide(&x), f64::from(a), &mut expected);
            assert_close(&found, &expected, 1e-6);

            let (mut one, mut other) = (y.clone(), y.clone());
            scaled_sum(&x, 1.0, &mut one);
            axpy(1.0, &x, &mut other);
            prop_assert_eq!(one, other);
        }
    }
}
