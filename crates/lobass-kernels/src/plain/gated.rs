//! The references of feed-forward gates and activations.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use crate::{Activation, Gate};

/// [`gated`](crate::gated()), one value after another.
pub fn gated(how: Gate, gate: &[f64], up: &[f64], out: &mut [f64]) {
    for at in 0..out.len() {
        out[at] = match how {
            Gate::Of(activation) => value_and_slope(activation, gate[at]).0 * up[at],
            Gate::Clamped { slope, limit } => {
                let (gate, up) = bounded(gate[at], up[at], limit);
                (up + 1.0) * gate * sigmoid(f64::from(slope) * gate)
            }
        };
    }
}

/// [`gated_backward`](crate::gated_backward), one value after another.
pub fn gated_backward(how: Gate, gate: &mut [f64], up: &mut [f64], d_out: &[f64]) {
    for at in 0..d_out.len() {
        (gate[at], up[at]) = match how {
            Gate::Of(activation) => {
                let (value, slope) = value_and_slope(activation, gate[at]);
                (d_out[at] * up[at] * slope, d_out[at] * value)
            }
            Gate::Clamped { slope, limit } => {
                let (bounded_gate, bounded_up) = bounded(gate[at], up[at], limit);
                let open = sigmoid(f64::from(slope) * bounded_gate);
                let steepness = open + f64::from(slope) * bounded_gate * open * (1.0 - open);
                let d_gate = d_out[at] * (bounded_up + 1.0) * steepness;
                let d_up = d_out[at] * bounded_gate * open;
                let is_within = up[at].abs() <= f64::from(limit);
                (if gate[at] > f64::from(limit) { 0.0 } else { d_gate }, if is_within { d_up } else { 0.0 })
            }
        };
    }
}

/// [`activated`](crate::activated), one value after another.
pub fn activated(activation: Activation, x: &[f64], out: &mut [f64]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = value_and_slope(activation, *x).0;
    }
}

/// [`activated_backward`](crate::activated_backward), one value after another.
pub fn activated_backward(activation: Activation, x: &mut [f64], d_out: &[f64]) {
    for (x, d_out) in x.iter_mut().zip(d_out) {
        *x = value_and_slope(activation, *x).1 * d_out;
    }
}

fn value_and_slope(activation: Activation, x: f64) -> (f64, f64) {
    match activation {
        Activation::Sigmoid => {
            let open = sigmoid(x);
            (open, open * (1.0 - open))
        }
        Activation::Silu => {
            let open = sigmoid(x);
            (x * open, open + x * open * (1.0 - open))
        }
        Activation::Gelu => {
            let below = 0.5 * (1.0 + error_function(x * FRAC_1_SQRT_2));
            (x * below, below + x * (-x * x / 2.0).exp() / TAU.sqrt())
        }
        Activation::GeluTanh => {
            let root = (2.0 / PI).sqrt();
            let tanh = (root * (x + 0.044_715 * x.powi(3))).tanh();
            let slope = (1.0 - tanh * tanh) * root * (1.0 + 3.0 * 0.044_715 * x * x);
            (0.5 * x * (1.0 + tanh), 0.5 * (1.0 + tanh) + 0.5 * x * slope)
        }
        Activation::ReluSquared => (x.max(0.0).powi(2), 2.0 * x.max(0.0)),
    }
}

fn bounded(gate: f64, up: f64, limit: f32) -> (f64, f64) {
    let limit = f64::from(limit);
    (gate.min(limit), up.clamp(-limit, limit))
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `2 / sqrt(pi)` times the integral of `e^(-t^2)` up to `z`, by a series of terms of one sign.
fn error_function(z: f64) -> f64 {
    if z.abs() > 6.0 {
        return z.signum();
    }
    let (mut term, mut sum, mut n) = (z, z, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * z * z / (2.0 * n + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * (-z * z).exp() * sum
}
