//! Causal convolution, each channel by itself.

use crate::lanes::vectorized;

/// Computes `y[t] = sum over j of weight[j] * x[t - size + 1 + j]` in every channel, for some positions that follow each
/// other. `before` has the positions before them: zeros at the beginning of a sequence.
///
/// # Shapes
/// - `x`, `y`: `[t, channels]`; `weight`: `[channels, size]`; `before`: `[size - 1, channels]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: `torch.nn.functional.conv1d` with as many groups as channels, padded at the beginning.
pub fn causal_conv(x: &[f32], weight: &[f32], before: &[f32], size: usize, y: &mut [f32]) {
    let channels = check(x, weight, size, y);
    assert_eq!(before.len(), (size - 1) * channels, "values of the {} positions before", size - 1);
    let taps = taps(weight, size);
    vectorized(
        #[inline(always)]
        || {
            for (position, y) in y.chunks_exact_mut(channels).enumerate() {
                y.fill(0.0);
                for (tap, weight) in taps.chunks_exact(channels).enumerate() {
                    // Counted from the first position before.
                    let place = position + tap;
                    let x = match place.checked_sub(size - 1) {
                        Some(place) => &x[place * channels..(place + 1) * channels],
                        None => &before[place * channels..(place + 1) * channels],
                    };
                    for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
                        *y = weight.mul_add(*x, *y);
                    }
                }
            }
        },
    );
}

/// Overwrites `dx` with the gradient of whole sequences, and adds that of the weight to `d_weight`, given that of `y`.
///
/// # Shapes
/// The shapes of [`causal_conv`]; a gradient has the shape of what it belongs to.
///
/// # Panics
/// If lengths do not fit.
pub fn causal_conv_backward(
    x: &[f32],
    weight: &[f32],
    size: usize,
    dy: &[f32],
    dx: &mut [f32],
    d_weight: Option<&mut [f32]>,
) {
    let channels = check(x, weight, size, dx);
    assert_eq!(dy.len(), x.len(), "values, and their gradients");
    let positions = x.len() / channels.max(1);
    let taps = taps(weight, size);
    let row = |position: usize| position * channels..(position + 1) * channels;
    dx.fill(0.0);
    let mut d_taps = vec![0.0; taps.len()];
    vectorized(
        #[inline(always)]
        || {
            for tap in 0..size {
                let (weight, d_tap) = (&taps[row(tap)], &mut d_taps[row(tap)]);
                let back = size - 1 - tap;
                for position in back..positions {
                    let (dy, x) = (&dy[row(position)], &x[row(position - back)]);
                    let values = dx[row(position - back)]
                        .iter_mut()
                        .zip(&mut *d_tap)
                        .zip(dy.iter().zip(x).zip(weight));
                    for ((dx, d_tap), ((dy, x), weight)) in values {
                        *dx = weight.mul_add(*dy, *dx);
                        *d_tap = dy.mul_add(*x, *d_tap);
                    }
                }
            }
        },
    );
    if let Some(d_weight) = d_weight {
        assert_eq!(d_weight.len(), weight.len(), "weights, and their gradients");
        for (at, d_weight) in d_weight.iter_mut().enumerate() {
            *d_weight += d_taps[at % size * channels + at / size];
        }
    }
}

/// The weights with the channels next to each other, `[size, channels]`.
fn taps(weight: &[f32], size: usize) -> Vec<f32> {
    let channels = weight.len() / size;
    (0..weight.len()).map(|at| weight[at % channels * size + at / channels]).collect()
}

fn check(x: &[f32], weight: &[f32], size: usize, y: &[f32]) -> usize {
    assert!(size > 0 && weight.len().is_multiple_of(size), "{} weights of size {size}", weight.len());
    let channels = weight.len() / size;
    assert!(channels > 0 && x.len().is_multiple_of(channels), "{} values of {channels} channels", x.len());
    assert_eq!(x.len(), y.len(), "values in and out");
    channels
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn is_the_plain_one(positions in 0usize..9, channels in 1usize..40, size in 1usize..6, seed: u64) {
            let (x, dy) = (values(seed, positions * channels), values(seed ^ 1, positions * channels));
            let (weight, before) = (values(seed ^ 2, channels * size), values(seed ^ 3, (size - 1) * channels));
            let (mut y, mut expected) = (vec![f32::NAN; x.len()], vec![0.0; x.len()]);
            causal_conv(&x, &weight, &before, size, &mut y);
            plain::causal_conv(&wide(&x), &wide(&weight), &wide(&before), size, &mut expected);
            assert_close(&y, &expected, 1e-5);

            let (mut dx, mut d_weight) = (vec![f32::NAN; x.len()], vec![1.0; weight.len()]);
            causal_conv_backward(&x, &weight, size, &dy, &mut dx, Some(&mut d_weight));
            let mut expected_weight = vec![1.0; weight.len()];
            plain::causal_conv_backward(
                &wide(&x), &wide(&weight), size, &wide(&dy), &mut expected, Some(&mut expected_weight),
            );
            assert_close(&dx, &expected, 1e-5);
            assert_close(&d_weight, &expected_weight, 1e-5);
        }

        #[test]
        fn a_sequence_may_be_cut_anywhere(
            (before, after) in (0usize..6, 1usize..6), channels in 1usize..20, size in 2usize..5, seed: u64,
        ) {
            let (x, weight) = (values(seed, (before + after) * channels), values(seed ^ 1, channels * size));
            let zeros = vec![0.0; (size - 1) * channels];
            let mut whole = vec![f32::NAN; x.len()];
            causal_conv(&x, &weight, &zeros, size, &mut whole);
            let padded = [zeros, x[..before * channels].to_vec()].concat();
            let mut rest = vec![f32::NAN; after * channels];
            let known = &padded[padded.len() - (size - 1) * channels..];
            causal_conv(&x[before * channels..], &weight, known, size, &mut rest);
            prop_assert_eq!(&rest, &whole[before * channels..]);
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (x, weight, dy) = (wide(&values(1, 10)), wide(&values(2, 6)), wide(&values(3, 10)));
        let (mut dx, mut d_weight) = (vec![0.0; 10], vec![0.0; 6]);
        plain::causal_conv_backward(&x, &weight, 3, &dy, &mut dx, Some(&mut d_weight));
        let loss = |x: &[f64], weight: &[f64]| {
            let mut y = vec![0.0; 10];
            plain::causal_conv(x, weight, &[0.0; 4], 3, &mut y);
            weighted(&y, &dy)
        };
        assert_gradient(|x| loss(x, &weight), &x, &dx);
        assert_gradient(|weight| loss(&x, weight), &weight, &d_weight);
    }
}
