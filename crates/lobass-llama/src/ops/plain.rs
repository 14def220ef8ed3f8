//! Operations in burn's own terms, for devices without kernels of ours; the meaning of the kernels.

use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

use super::{AttentionInputs, AttentionOutput, Heads};
use crate::model::{RopeTables, Rows};

pub(super) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f64) -> (Tensor<2>, Tensor<2>) {
    (x.clone() / root_mean_square(&x, eps) * weight.unsqueeze(), x)
}

/// `[rows, 1]`.
fn root_mean_square(x: &Tensor<2>, eps: f64) -> Tensor<2> {
    (x.clone().square().mean_dim(1) + eps).sqrt()
}

pub(super) fn rms_norm_backward(
    x: Tensor<2>,
    weight: Tensor<1>,
    eps: f64,
    d_output: Tensor<2>,
    wants_weight: bool,
) -> (Tensor<2>, Option<Tensor<1>>) {
    let rms = root_mean_square(&x, eps);
    let normed = x / rms.clone();
    let d_weight = wants_weight.then(|| (d_output.clone() * normed.clone()).sum_dim(0).squeeze_dim::<1>(0));
    let d_normed = d_output * weight.unsqueeze();
    let along = (d_normed.clone() * normed.clone()).mean_dim(1);
    ((d_normed - normed * along) / rms, d_weight)
}

pub(super) fn rotate(x: Tensor<2>, rope: &RopeTables, backward: bool) -> Tensor<2> {
    let [rows, width] = x.dims();
    let (device, half) = (x.device(), rope.width() / 2);
    let table = |values: &[f32]| -> Tensor<3> {
        Tensor::from_data(TensorData::new(values.to_vec(), [rows, 1, half]), &device)
    };
    let (cos, sin) = (table(rope.cos()), table(rope.sin()));
    let sin = if backward { -sin } else { sin };
    let heads = x.reshape([rows, width / (2 * half), 2 * half]);
    let (first, second) = (heads.clone().narrow(2, 0, half), heads.narrow(2, half, half));
    let rotated_first = first.clone() * cos.clone() - second.clone() * sin.clone();
    let rotated_second = second * cos + first * sin;
    Tensor::cat(vec![rotated_first, rotated_second], 2).reshape([rows, width])
}

pub(super) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    (gate.clone() * sigmoid(gate.clone()) * up.clone(), gate, up)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of the kernel")]
pub(super) fn swiglu_backward(gate: Tensor<2>, up: Tensor<2>, d_output: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let share = sigmoid(gate.clone());
    let silu = gate.clone() * share.clone();
    // d silu / d gate = s + gate s (1 - s)
    let slope = share.clone() + silu.clone() * (-share + 1.0);
    (d_output.clone() * up * slope, d_output * silu)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of the kernel")]
pub(super) fn attention_backward(
    inputs: AttentionInputs,
    output: AttentionOutput,
    d_context: Tensor<2>,
    heads: Heads,
    rows: &Rows,
) -> AttentionInputs {
    let device = d_context.device();
    let (mut dq, mut dk, mut dv) = (Vec::new(), Vec::new(), Vec::new());
    for span in rows.spans.iter().map(|span| &span.rows) {
        let (queries, keys, values) = span_heads(&inputs, heads, span);
        let of_span = |tensor: &Tensor<2>| {
            split_heads(tensor.clone().narrow(0, span.start, span.len()), heads.queries, heads.width)
        };
        let (context, d_context) = (of_span(&output.context), of_span(&d_context));
        let weights = softmax(scores(queries.clone(), keys.clone(), heads, span.len(), &device), 2);
        let along = (context * d_context.clone()).sum_dim(2);
        let d_values = weights.clone().transpose().matmul(d_context.clone());
        let d_weights = d_context.matmul(values.transpose());
        let d_scores = weights * (d_weights - along) * heads.scale();
        dq.push(join_heads(d_scores.clone().matmul(keys)));
        dk.push(join_heads(sum_groups(d_scores.transpose().matmul(queries), heads)));
        dv.push(join_heads(sum_groups(d_values, heads)));
    }
    AttentionInputs { queries: Tensor::cat(dq, 0), keys: Tensor::cat(dk, 0), values: Tensor::cat(dv, 0) }
}

/// Activations are rounded to the format of the weight, and so are the results, whatever the device sums in.
pub(super) fn project(x: &Tensor<2>, weight: &Tensor<2>) -> Tensor<2> {
    x.clone().cast(weight.dtype()).matmul(weight.clone().transpose()).cast(DType::F32)
}

pub(super) fn residual(x: Tensor<2>, y: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    (x.clone() + y, x)
}

/// Queries, keys, and values of one sequence, `[H, T, D]` each: keys and values repeated for the queries they serve.
fn span_heads(
    inputs: &AttentionInputs,
    heads: Heads,
    span: &std::ops::Range<usize>,
) -> (Tensor<3>, Tensor<3>, Tensor<3>) {
    let part = |tensor: &Tensor<2>, count: usize| {
        split_heads(tensor.clone().narrow(0, span.start, span.len()), count, heads.width)
    };
    let repeated = |tensor: &Tensor<2>| {
        let groups = heads.queries / heads.keys;
        part(tensor, heads.keys)
            .unsqueeze_dim::<4>(1)
            .expand([heads.keys, groups, span.len(), heads.width])
            .reshape([heads.queries, span.len(), heads.width])
    };
    (part(&inputs.queries, heads.queries), repeated(&inputs.keys), repeated(&inputs.values))
}

/// `[T, heads * D]` to `[heads, T, D]`.
fn split_heads(rows: Tensor<2>, heads: usize, width: usize) -> Tensor<3> {
    let length = rows.dims()[0];
    rows.reshape([length, heads, width]).swap_dims(0, 1)
}

/// `[heads, T, D]` to `[T, heads * D]`.
fn join_heads(heads: Tensor<3>) -> Tensor<2> {
    let [count, length, width] = heads.dims();
    heads.swap_dims(0, 1).reshape([length, count * width])
}

/// Sums over the query heads that share a key head: `[H, T, D]` to `[K, T, D]`.
fn sum_groups(of_queries: Tensor<3>, heads: Heads) -> Tensor<3> {
    let [_, length, width] = of_queries.dims();
    let groups = heads.queries / heads.keys;
    of_queries.reshape([heads.keys, groups, length, width]).sum_dim(1).squeeze_dim(1)
}

/// Scaled and masked: `[H, T, T]`.
fn scores(queries: Tensor<3>, keys: Tensor<3>, heads: Heads, length: usize, device: &Device) -> Tensor<3> {
    let scores = queries.matmul(keys.transpose()) * heads.scale();
    scores.mask_fill(hidden(length, heads.window, device).unsqueeze(), f32::NEG_INFINITY)
}

/// `[T, T]`, true where a query does not see a key: in the future, or out of the window.
fn hidden(length: usize, window: Option<usize>, device: &Device) -> Tensor<2, Bool> {
    let sees = |query: usize, key: usize| key <= query && window.is_none_or(|window| query - key < window);
    let hidden: Vec<bool> = (0..length * length).map(|at| !sees(at / length, at % length)).collect();
    Tensor::from_data(TensorData::new(hidden, [length, length]), device)
}
