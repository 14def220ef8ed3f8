//! What stands between the projections of a feed-forward layer, with and without a gate.

use crate::activation::{Activation, Curve, Gelu, GeluTanh, ReluSquared, Sigmoid, Silu};
use crate::exp::sigmoid;
use crate::lanes::vectorized;

/// How a gate acts on what it lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gate {
    /// `activation(gate) * up`.
    Of(Activation),
    /// `(up + 1) * gate * sigmoid(slope * gate)`, with `gate` at most `limit` and `up` between `-limit` and `limit`.
    ///
    /// Source: `GptOssExperts._apply_gate` of transformers.
    Clamped {
        /// The factor of the sigmoid's argument, mostly 1.702.
        slope: f32,
        /// The bound of both inputs, mostly 7.
        limit: f32,
    },
}

/// Calls a function with the curve of an activation, so that there is a vectorized loop for each.
macro_rules! with_curve {
    ($activation:expr, $call:expr) => {
        match $activation {
            Activation::Sigmoid => $call(Sigmoid),
            Activation::Silu => $call(Silu),
            Activation::Gelu => $call(Gelu),
            Activation::GeluTanh => $call(GeluTanh),
            Activation::ReluSquared => $call(ReluSquared),
        }
    };
}

/// Computes `out`, what the gate lets through.
///
/// # Shapes
/// All as long as each other.
///
/// # Panics
/// If they are not.
///
/// Source: `LlamaMLP` and its siblings in transformers.
pub fn gated(how: Gate, gate: &[f32], up: &[f32], out: &mut [f32]) {
    assert_eq!((gate.len(), up.len()), (out.len(), out.len()), "gate, up, and out");
    match how {
        Gate::Of(activation) => with_curve!(activation, |curve| gated_by(curve, gate, up, out)),
        Gate::Clamped { slope, limit } => vectorized(
            #[inline(always)]
            || {
                for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                    let (gate, up) = (at_most(*gate, limit), within(*up, limit));
                    *out = gate * sigmoid(slope * gate) * (up + 1.0);
                }
            },
        ),
    }
}

/// Replaces `gate` and `up` by their gradients, given that of the output.
///
/// # Shapes
/// All as long as each other.
///
/// # Panics
/// If they are not.
pub fn gated_backward(how: Gate, gate: &mut [f32], up: &mut [f32], d_out: &[f32]) {
    assert_eq!((gate.len(), up.len()), (d_out.len(), d_out.len()), "gate, up, and the gradient");
    match how {
        Gate::Of(activation) => with_curve!(activation, |curve| gated_backward_by(curve, gate, up, d_out)),
        Gate::Clamped { slope, limit } => vectorized(
            #[inline(always)]
            || {
                for ((gate, up), d_out) in gate.iter_mut().zip(up).zip(d_out) {
                    // What is beyond a bound has no influence.
                    let is_open = if *gate > limit { 0.0 } else { 1.0 };
                    let passes = if up.abs() > limit { 0.0 } else { 1.0 };
                    let (bounded, through) = (at_most(*gate, limit), within(*up, limit) + 1.0);
                    let open = sigmoid(slope * bounded);
                    let value = bounded * open;
                    let steepness = (slope * value).mul_add(1.0 - open, open);
                    (*gate, *up) = (d_out * through * steepness * is_open, d_out * value * passes);
                }
            },
        ),
    }
}

/// Computes `out = activation(x)`.
///
/// # Panics
/// If they are not as long as each other.
pub fn activated(activation: Activation, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "values in and out");
    with_curve!(activation, |curve| activated_by(curve, x, out));
}

/// Replaces `x` by its gradient, given that of the output.
///
/// # Panics
/// If they are not as long as each other.
pub fn activated_backward(activation: Activation, x: &mut [f32], d_out: &[f32]) {
    assert_eq!(x.len(), d_out.len(), "values, and the gradient");
    with_curve!(activation, |curve| activated_backward_by(curve, x, d_out));
}

fn gated_by<C: Curve>(curve: C, gate: &[f32], up: &[f32], out: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                *out = curve.at(*gate) * up;
            }
        },
    );
}

fn gated_backward_by<C: Curve>(curve: C, gate: &mut [f32], up: &mut [f32], d_out: &[f32]) {
    vectorized(
        #[inline(always)]
        || {
            for ((gate, up), d_out) in gate.iter_mut().zip(up).zip(d_out) {
                let (value, slope) = curve.with_slope(*gate);
                (*gate, *up) = (d_out * *up * slope, d_out * value);
            }
        },
    );
}

fn activated_by<C: Curve>(curve: C, x: &[f32], out: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (out, x) in out.iter_mut().zip(x) {
                *out = curve.at(*x);
            }
        },
    );
}

fn activated_backward_by<C: Curve>(curve: C, x: &mut [f32], d_out: &[f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (x, d_out) in x.iter_mut().zip(d_out) {
                *x = curve.with_slope(*x).1 * d_out;
            }
        },
    );
}

/// The smaller one; a NaN stays one.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

/// `x`, or the nearer of the bounds `-limit` and `limit`; a NaN stays one.
#[inline(always)]
fn within(x: f32, limit: f32) -> f32 {
    let x = at_most(x, limit);
    if x < -limit { -limit } else { x }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, assert_gradient, values, weighted, wide};
    use crate::plain;

    const ACTIVATIONS: [Activation; 5] = [
        Activation::Sigmoid,
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::ReluSquared,
    ];

    const EXPECTED_SILU: [f64; 6] = [
        -0.014_835_738_939_808_647,
        -0.273_638_285_709_534_5,
        -0.109_455_874_778_550_48,
        0.0,
        0.467_731_440_517_716_26,
        2.857_722_380_467_299_8,
    ];
    const EXPECTED_GELU: [f64; 6] = [
        -5.919_525_869_479_969e-09,
        -0.100_210_801_903_287_04,
        -0.100_323_418_579_269_07,
        0.0,
        0.530_625_443_443_848_9,
        2.995_950_305_905_11,
    ];
    const EXPECTED_GELU_TANH: [f64; 6] = [
        -8.439_648_979_674_53e-11,
        -0.100_428_423_019_767_07,
        -0.100_324_649_298_315,
        0.0,
        0.530_570_134_705_116_7,
        2.996_362_607_918_227,
    ];
    const EXPECTED_RELU_SQUARED: [f64; 6] = [0.0, 0.0, 0.0, 0.0, 0.49, 9.0];
    const EXPECTED_CLAMPED: [f64; 6] = [
        0.000_220_353_549_787_392_43,
        -0.162_506_702_329_385_13,
        -0.197_600_700_199_611_65,
        0.0,
        -0.268_446_975_861_575_07,
        5.806_975_869_432_625,
    ];

    fn gates() -> Vec<Gate> {
        let clamped = [Gate::Clamped { slope: 1.702, limit: 7.0 }, Gate::Clamped { slope: 1.5, limit: 0.5 }];
        ACTIVATIONS.map(Gate::Of).into_iter().chain(clamped).collect()
    }

    proptest! {
        #[test]
        fn is_the_plain_one(len in 0usize..70, size in 0.1f32..30.0, seed: u64) {
            let gate: Vec<f32> = values(seed, len).iter().map(|x| x * size).collect();
            let (up, d_out) = (values(seed ^ 1, len), values(seed ^ 2, len));
            for how in gates() {
                let (mut out, mut expected) = (vec![0.0; len], vec![0.0; len]);
                gated(how, &gate, &up, &mut out);
                plain::gated(how, &wide(&gate), &wide(&up), &mut expected);
                assert_close(&out, &expected, 2e-6);

                let (mut d_gate, mut d_up, mut expected_gate, mut expected_up) =
                    (gate.clone(), up.clone(), wide(&gate), wide(&up));
                gated_backward(how, &mut d_gate, &mut d_up, &d_out);
                plain::gated_backward(how, &mut expected_gate, &mut expected_up, &wide(&d_out));
                assert_close(&d_gate, &expected_gate, 1e-5);
                assert_close(&d_up, &expected_up, 2e-6);
            }
            for activation in ACTIVATIONS {
                let (mut out, mut expected) = (vec![0.0; len], vec![0.0; len]);
                activated(activation, &gate, &mut out);
                plain::activated(activation, &wide(&gate), &mut expected);
                assert_close(&out, &expected, 2e-6);

                let (mut dx, mut expected) = (gate.clone(), wide(&gate));
                activated_backward(activation, &mut dx, &d_out);
                plain::activated_backward(activation, &mut expected, &wide(&d_out));
                assert_close(&dx, &expected, 1e-5);
            }
        }
    }

    #[test]
    fn plain_gradients_are_the_slopes() {
        let (gate, up, d_out) = (wide(&values(1, 9)), wide(&values(2, 9)), wide(&values(3, 9)));
        for how in gates() {
            let (mut d_gate, mut d_up) = (gate.clone(), up.clone());
            plain::gated_backward(how, &mut d_gate, &mut d_up, &d_out);
            let loss = |gate: &[f64], up: &[f64]| {
                let mut out = vec![0.0; gate.len()];
                plain::gated(how, gate, up, &mut out);
                weighted(&out, &d_out)
            };
            assert_gradient(|gate| loss(gate, &up), &gate, &d_gate);
            assert_gradient(|up| loss(&gate, up), &up, &d_up);
        }
        for activation in ACTIVATIONS {
            let mut dx = gate.clone();
            plain::activated_backward(activation, &mut dx, &d_out);
            let loss = |x: &[f64]| {
                let mut out = vec![0.0; x.len()];
                plain::activated(activation, x, &mut out);
                weighted(&out, &d_out)
            };
            assert_gradient(loss, &gate, &dx);
        }
    }

    /// Values of `torch.nn.functional` in f64.
    #[test]
    fn plain_functions_are_those_of_pytorch() {
        let x = [-6.0, -1.5, -0.25, 0.0, 0.7, 3.0];
        let expected = [
            (Activation::Silu, EXPECTED_SILU),
            (Activation::Gelu, EXPECTED_GELU),
            (Activation::GeluTanh, EXPECTED_GELU_TANH),
            (Activation::ReluSquared, EXPECTED_RELU_SQUARED),
        ];
        for (activation, expected) in expected {
            let mut out = [0.0; 6];
            plain::activated(activation, &x, &mut out);
            for (found, expected) in out.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{activation:?}: {found} for {expected}");
            }
        }
        let mut out = [0.0; 6];
        plain::gated(
            Gate::Clamped { slope: 1.702, limit: 2.0 },
            &x,
            &[-3.0, 0.5, 1.0, 2.5, -1.5, 9.0],
            &mut out,
        );
        for (found, expected) in out.iter().zip(EXPECTED_CLAMPED) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }
}
