//! Layer normalization and its gradient.

use crate::lanes::{dot, dot_of_three, sum, vectorized};

/// Computes `y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, row by row, with the variance of the row itself.
///
/// # Shapes
/// - `x`, `y`: `[rows, width]`; `weight`, `bias`: `[width]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: `torch.nn.functional.layer_norm`.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: Option<&[f32]>, eps: f32, y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "values in and out");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), weight.len(), "weights and biases");
    }
    if x.is_empty() {
        return;
    }
    check_rows(x, weight);
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.chunks_exact(weight.len()).zip(y.chunks_exact_mut(weight.len())) {
                normalize(x, eps, y);
                for (y, weight) in y.iter_mut().zip(weight) {
                    *y *= weight;
                }
                if let Some(bias) = bias {
                    for (y, bias) in y.iter_mut().zip(bias) {
                        *y += bias;
                    }
                }
            }
        },
    );
}

/// Writes the gradient with respect to `x`, and adds that of weight and bias to `d_weight` and `d_bias`, given that of
/// `y`.
///
/// # Shapes
/// - `x`, `dy`, `dx`: `[rows, width]`; `weight`, `d_weight`, `d_bias`: `[width]`
///
/// # Panics
/// If lengths do not fit.
pub fn layer_norm_backward(
    x: &[f32],
    weight: &[f32],
    eps: f32,
    dy: &[f32],
    dx: &mut [f32],
    d_weight: Option<&mut [f32]>,
    d_bias: Option<&mut [f32]>,
) {
    assert_eq!((dy.len(), dx.len()), (x.len(), x.len()), "values, and their gradients");
    for gradients in [&d_weight, &d_bias].into_iter().flatten() {
        assert_eq!(gradients.len(), weight.len(), "weights, and their gradients");
    }
    if x.is_empty() {
        return;
    }
    check_rows(x, weight);
    vectorized(
        #[inline(always)]
        || backward_rows(x, weight, eps, dy, dx, d_weight, d_bias),
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
    mut d_bias: Option<&mut [f32]>,
) {
    let width = weight.len();
    let mut normed = vec![0.0; width];
    for ((x, dy), dx) in x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)) {
        let factor = normalize(x, eps, &mut normed);
        // Neither the mean of the gradient nor what it shares with the output changes a row that is normalized.
        let mean = dot(dy, weight) / width as f32;
        let along = dot_of_three(dy, weight, &normed) / width as f32;
        for (((dx, dy), normed), weight) in dx.iter_mut().zip(dy).zip(&normed).zip(weight) {
            *dx = factor * along.mul_add(-normed, dy.mul_add(*weight, -mean));
        }
        if let Some(d_weight) = d_weight.as_deref_mut() {
            for ((d_weight, dy), normed) in d_weight.iter_mut().zip(dy).zip(&normed) {
                *d_weight = dy.mul_add(*normed, *d_weight);
            }
        }
        if let Some(d_bias) = d_bias.as_deref_mut() {
            for (d_bias, dy) in d_bias.iter_mut().zip(dy) {
                *d_bias += dy;
            }
        }
    }
}

/// Writes a row with a mean of 0 and a variance of 1, and returns the factor.
#[inline(always)]
fn normalize(x: &[f32], eps: f32, y: &mut [f32]) -> f32 {
    let mean = sum(x) / x.len() as f32;
    for (y, x) in y.iter_mut().zip(x) {
        *y = x - mean;
    }
    let factor = 1.0 / (dot(y, y) / x.len() as f32 + eps).sqrt();
    for y in y {
        *y *= factor;
    }
    factor
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
        fn is_the_plain_one(rows in 0usize..5, width in 1usize..70, has_bias: bool, seed: u64) {
            let (x, dy) = (values(seed, rows * width), values(seed ^ 1, rows * width));
            let (weight, bias) = (values(seed ^ 2, width), values(seed ^ 3, width));
            let bias = has_bias.then_some(&bias[..]);
            let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let (mut d_weight, mut d_bias) = (vec![1.0; width], vec![1.0; width]);
            layer_norm(&x, &weight, bias, 1e-2, &mut y);
            layer_norm_backward(&x, &weight, 1e-2, &dy, &mut dx, Some(&mut d_weight), Some(&mut d_bias));

            let (x_wide, weight_wide, eps) = (wide(&x), wide(&weight), f64::from(1e-2_f32));
            let (mut expected, bias_wide) = (vec![0.0; x.len()], bias.map(wide));
            let (mut expected_weight, mut expected_bias) = (vec![1.0; width], vec![1.0; width]);
            plain::layer_norm(&x_wide, &weight_wide, bias_wide.as_deref(), eps, &mut expected);
            assert_close(&y, &expected, 1e-5);
            plain::layer_norm_backward(
                &x_wide, &weight_wide, eps, &wide(&dy), &mut expected,
                Some(&mut expected_weight), Some(&mut expected_bias),
            );
            assert_close(&dx, &expected, 5e-5);
            assert_close(&d_weight, &expected_weight, 1e-5);
            assert_close(&d_bias, &expected_bias, 1e-5);

            let mut alone = vec![0.0; x.len()];
            layer_norm_backward(&x, &weight, 1e-2, &dy, &mut alone, None, None);
            prop_assert_eq!(alone, dx);
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (x, weight, dy) = (wide(&values(3, 10)), wide(&values(4, 5)), wide(&values(5, 10)));
        let bias = wide(&values(6, 5));
        let (mut dx, mut d_weight, mut d_bias) = (vec![0.0; 10], vec![0.0; 5], vec![0.0; 5]);
        plain::layer_norm_backward(&x, &weight, 0.1, &dy, &mut dx, Some(&mut d_weight), Some(&mut d_bias));
        let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
            let mut y = vec![0.0; x.len()];
            plain::layer_norm(x, weight, Some(bias), 0.1, &mut y);
            weighted(&y, &dy)
        };
        assert_gradient(|x| loss(x, &weight, &bias), &x, &dx);
        assert_gradient(|weight| loss(&x, weight, &bias), &weight, &d_weight);
        assert_gradient(|bias| loss(&x, &weight, bias), &bias, &d_bias);
    }

    #[test]
    #[should_panic(expected = "7 values in rows of 3")]
    fn ragged_rows_panic() {
        layer_norm(&[0.0; 7], &[1.0; 3], None, 1e-5, &mut [0.0; 7]);
    }
}
