//! What stands between the projections of a feed-forward layer, in tensor operations.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use lobass_kernels::{Activation, Gate};

use super::wide::{wide, widely};

pub(super) fn gated(how: Gate, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    let up = wide(up);
    widely(gate, |gate| match how {
        Gate::Of(activation) => value(activation, gate) * up,
        Gate::Clamped { slope, limit } => {
            let (gate, up) = (gate.clamp_max(limit), up.clamp(-limit, limit));
            gate.clone() * sigmoid(gate * slope) * (up + 1.0)
        }
    })
}

pub(super) fn gated_backward(
    how: Gate,
    gate: Tensor<2>,
    up: Tensor<2>,
    d_output: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let (gate, up) = (wide(gate), wide(up));
    match how {
        Gate::Of(activation) => {
            let (value, slope) = value_and_slope(activation, gate);
            (d_output.clone() * up * slope, d_output * value)
        }
        Gate::Clamped { slope, limit } => {
            // What is beyond a bound has no influence.
            let (shut, out) = (gate.clone().greater_elem(limit), up.clone().abs().greater_elem(limit));
            let (gate, up) = (gate.clamp_max(limit), up.clamp(-limit, limit));
            let open = sigmoid(gate.clone() * slope);
            let value = gate * open.clone();
            let steepness = open.clone() + value.clone() * slope * (-open + 1.0);
            let d_gate = d_output.clone() * (up + 1.0) * steepness;
            (d_gate.mask_fill(shut, 0.0), (d_output * value).mask_fill(out, 0.0))
        }
    }
}

pub(super) fn value(activation: Activation, x: Tensor<2>) -> Tensor<2> {
    match activation {
        Activation::Sigmoid => sigmoid(x),
        Activation::Silu => x.clone() * sigmoid(x),
        Activation::Gelu => x.clone() * below(x),
        Activation::GeluTanh => x.clone() * sigmoid(tanh_argument(x)),
        Activation::ReluSquared => x.clamp_min(0.0).square(),
    }
}

pub(super) fn value_and_slope(activation: Activation, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    match activation {
        Activation::Sigmoid => {
            let open = sigmoid(x);
            (open.clone(), open.clone() * (-open + 1.0))
        }
        Activation::Silu => {
            let open = sigmoid(x.clone());
            let silu = x * open.clone();
            // d silu / d x = s + x s (1 - s)
            let slope = open.clone() + silu.clone() * (-open + 1.0);
            (silu, slope)
        }
        Activation::Gelu => {
            let (below, density) = (below(x.clone()), (x.clone().square() * -0.5).exp() / TAU.sqrt());
            (x.clone() * below.clone(), below + x * density)
        }
        Activation::GeluTanh => {
            let open = sigmoid(tanh_argument(x.clone()));
            let steepness = (x.clone().square() * (3.0 * CUBE) + 1.0) * (2.0 * (2.0 / PI).sqrt());
            let gelu = x * open.clone();
            let slope = open.clone() + gelu.clone() * (-open + 1.0) * steepness;
            (gelu, slope)
        }
        Activation::ReluSquared => {
            let above = x.clamp_min(0.0);
            (above.clone().square(), above * 2.0)
        }
    }
}

const CUBE: f64 = 0.044_715;

/// The probability that a normal variable is below `x`.
fn below(x: Tensor<2>) -> Tensor<2> {
    ((x * FRAC_1_SQRT_2).erf() + 1.0) * 0.5
}

/// `(1 + tanh(u)) / 2 = sigmoid(2 u)`: this is `2 u`.
fn tanh_argument(x: Tensor<2>) -> Tensor<2> {
    (x.clone() + x.powi_scalar(3) * CUBE) * (2.0 * (2.0 / PI).sqrt())
}
