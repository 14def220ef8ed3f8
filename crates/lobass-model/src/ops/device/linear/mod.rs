//! Linear attention in tensor operations.
//!
//! The delta rule goes through a run of rows in chunks, each of which is a few products of matrices.

mod backward;
mod chunks;

use burn::tensor::{DType, Tensor};
use lobass_kernels::DeltaHeads;

pub(super) use backward::delta_rule_backward;
use chunks::{Chunks, joined};

use crate::ops::linear::{DecayWeights, DeltaInputs, Shifts};
use crate::ops::tables::Tables;

pub(super) fn convolved(x: &Tensor<2>, weight: &Tensor<2>, shifts: &Shifts) -> Tensor<2> {
    let padded = with_zeros(x);
    let (size, mut y) = (weight.dims()[1], x.clone() * tap(weight, weight.dims()[1] - 1));
    debug_assert_eq!(shifts.earlier.len(), size - 1);
    for (at, rows) in shifts.earlier.iter().enumerate() {
        y = y + padded.clone().select(0, rows.clone()) * tap(weight, at);
    }
    y
}

pub(super) fn convolved_backward(
    x: &Tensor<2>,
    weight: &Tensor<2>,
    d_output: &Tensor<2>,
    shifts: &Shifts,
) -> (Tensor<2>, Tensor<2>) {
    let (padded_x, padded_d, last) = (with_zeros(x), with_zeros(d_output), weight.dims()[1] - 1);
    let mut dx = d_output.clone() * tap(weight, last);
    let mut d_taps = Vec::with_capacity(last + 1);
    for (at, (earlier, later)) in shifts.earlier.iter().zip(&shifts.later).enumerate() {
        dx = dx + padded_d.clone().select(0, later.clone()) * tap(weight, at);
        d_taps.push((padded_x.clone().select(0, earlier.clone()) * d_output.clone()).sum_dim(0));
    }
    d_taps.push((x.clone() * d_output.clone()).sum_dim(0));
    (dx, Tensor::cat(d_taps, 0).transpose())
}

/// The matrix, and a row of zeros after it.
fn with_zeros(x: &Tensor<2>) -> Tensor<2> {
    let zeros = Tensor::zeros([1, x.dims()[1]], (&x.device(), DType::F32));
    Tensor::cat(vec![x.clone(), zeros], 0)
}

/// The weights of one position, `[1, channels]`.
fn tap(weight: &Tensor<2>, at: usize) -> Tensor<2> {
    weight.clone().narrow(1, at, 1).transpose()
}

pub(super) fn log_decays(x: Tensor<2>, weights: &DecayWeights) -> Tensor<2> {
    softplus(x + weights.biases.clone().unsqueeze()) * rates(weights)
}

pub(super) fn log_decays_backward(
    x: Tensor<2>,
    weights: &DecayWeights,
    d_output: Tensor<2>,
) -> (Tensor<2>, DecayWeights) {
    let heads = x.dims()[1];
    let moved = x + weights.biases.clone().unsqueeze();
    let d_decays = d_output * rates(weights);
    let dx = d_decays.clone() * burn::tensor::activation::sigmoid(moved.clone());
    let log_rates = (d_decays * softplus(moved)).sum_dim(0).reshape([heads]);
    let biases = dx.clone().sum_dim(0).reshape([heads]);
    (dx, DecayWeights { log_rates, biases })
}

/// `-exp(log_rates)`, `[1, heads]`.
fn rates(weights: &DecayWeights) -> Tensor<2> {
    -weights.log_rates.clone().exp().unsqueeze::<2>()
}

/// `ln(1 + e^x)`.
fn softplus(x: Tensor<2>) -> Tensor<2> {
    x.clone().clamp_min(0.0) + (-x.abs()).exp().log1p()
}

/// The gated delta rule. Runs of rows that follow another one begin with its last matrices.
pub(super) fn delta_rule(inputs: &DeltaInputs, heads: DeltaHeads, rows: &Tables) -> Tensor<2> {
    let (mut outputs, mut states): (Vec<Tensor<2>>, Vec<Tensor<3>>) = (Vec::new(), Vec::new());
    for span in &rows.spans {
        let chunks = Chunks::new(inputs, heads, &span.rows);
        let mut state = match span.before {
            None => chunks.no_state(),
            Some(before) => states[before].clone(),
        };
        let mut output = Vec::with_capacity(chunks.count());
        for chunk in chunks.iter() {
            let written = chunk.written(&state);
            output.push(chunk.read(&state, &written));
            state = chunk.after(&state, &written);
        }
        outputs.push(joined(output, span.len()));
        states.push(state);
    }
    Tensor::cat(outputs, 0).cast(inputs.values.dtype())
}
