//! RMS normalization and its gradient.

use crate::lanes::{dot, dot_of_three, vectorized};

/// Computes `y = x / sqrt(mean(x^2) + eps) * weight`, row by row.
///
/// # Shapes
/// - `x`, `y`: `[rows, width]`; `weight`: `[width]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: `LlamaRMSNorm` of transformers.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "values in and out");
    if x.is_empty() {
        return;
    }
    check_rows(x, weight);
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.chunks_exact(weight.len()).zip(y.chunks_exact_mut(weight.len())) {
                let factor = factor(x, eps);
                for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                    *y = x * factor * weight;
                }
            }
        },
    );
}

/// Writes the gradient with respect to `x`, and adds that of `weight` to `d_weight`, given that of `y`.
///
/// # Shapes
/// - `x`, `dy`, `dx`: `[rows, width]`; `weight`, `d_weight`: `[width]`
///
/// # Panics
/// If lengths do not fit.
pub fn rms_norm_backward(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    dy: &[f32],
    dx: &mut [f32],
    d_weight: Option<&mut [f32]>,
) {
    assert_eq!((dy.len(), dx.len()), (x.len(), x.len()), "values, and their gradients");
    if let Some(d_weight) = &d_weight {
        assert_eq!(d_weight.len(), weight.len(), "weights, and their gradients");
    }
    if x.is_empty() {
        return;
    }
    check_rows(x, weight);
    vectorized(
        #[inline(always)]
        || backward_rows(x, weight, eps, dy, dx, d_weight),
    );
}

#[inline(always)]
fn backward_rows(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    dy: &[f32],
    dx: &mut [f32],
    mut d_weight: Option<&mut [f32]>,
) {
    let width = weight.len();
    for ((x, dy), dx) in x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)) {
        let factor = factor(x, eps);
        // What `x` shares with the direction of the gradient does not change the output.
        let along = dot_of_three(dy, weight, x) * factor * factor / width as f32;
        for (((dx, dy), x), weight) in dx.iter_mut().zip(dy).zip(x).zip(weight) {
            *dx = factor * along.mul_add(-x, dy * weight);
        }
        if let Some(d_weight) = d_weight.as_deref_mut() {
            for ((d_weight, dy), x) in d_weight.iter_mut().zip(dy).zip(x) {
                *d_weight = dy.mul_add(x * factor, *d_weight);
            }
        }
    }
}

#[inline(always)]
fn factor(x: &[f32], eps: f32) -> f32 {
    1.0 / (dot(x, x) / x.len() as f32 + eps).sqrt()
}

fn check_rows(x: &[f32], weight: &[f32]) {
    let width = weight.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "{} values in rows of {width}", x.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn is_the_plain_one(rows in 0usize..5, width in 1usize..70, seed: u64) {
            let (x, dy) = (values(seed, rows * width), values(seed ^ 1, rows * width));
            let weight = values(seed ^ 2, width);
            let (mut y, mut dx, mut d_weight) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![1.0; width]);
            rms_norm(&x, &weight, 1e-3, &mut y);
            rms_norm_backward(&x, &weight, 1e-3, &dy, &mut dx, Some(&mut d_weight));

            let (x_wide, weight_wide, eps) = (wide(&x), wide(&weight), f64::from(1e-3_f32));
            let (mut expected, mut expected_weight) = (vec![0.0; x.len()], vec![1.0; width]);
            plain::rms_norm(&x_wide, &weight_wide, eps, &mut expected);
            assert_close(&y, &expected, 2e-6);
            plain::rms_norm_backward(
                &x_wide, &weight_wide, eps, &wide(&dy), &mut expected, Some(&mut expected_weight),
            );
            assert_close(&dx, &expected, 2e-5);
            assert_close(&d_weight, &expected_weight, 1e-5);

            let mut alone = vec![0.0; x.len()];
            rms_norm_backward(&x, &weight, 1e-3, &dy, &mut alone, None);
            prop_assert_eq!(alone, dx);
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (x, weight, dy) = (wide(&values(3, 10)), wide(&values(4, 5)), wide(&values(5, 10)));
        let (mut dx, mut d_weight) = (vec![0.0; 10], vec![0.0; 5]);
        plain::rms_norm_backward(&x, &weight, 0.1, &dy, &mut dx, Some(&mut d_weight));
        let loss = |x: &[f64], weight: &[f64]| {
            let mut y = vec![0.0; x.len()];
            plain::rms_norm(x, weight, 0.1, &mut y);
            weighted(&y, &dy)
        };
        assert_gradient(|x| loss(x, &weight), &x, &dx);
        assert_gradient(|weight| loss(&x, weight), &weight, &d_weight);
    }

    #[test]
    #[should_panic(expected = "7 values in rows of 3")]
    fn ragged_rows_panic() {
        rms_norm(&[0.0; 7], &[1.0; 3], 1e-5, &mut [0.0; 7]);
    }
}
