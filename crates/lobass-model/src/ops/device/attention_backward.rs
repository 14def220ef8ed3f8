//! The backward pass of attention in tensor operations, sequence by sequence.

use burn::tensor::{Bool, Device, Tensor};

use super::attention::{capped, numbers, softmax_beside, unseen};

use crate::batch::Span;
use crate::ops::attention::{AttentionInputs, AttentionOutput, Heads};
use crate::ops::tables::Tables;

pub(super) fn attention_backward(
    inputs: &AttentionInputs,
    output: &AttentionOutput,
    d_context: &Tensor<2>,
    heads: Heads,
    rows: &Tables,
) -> AttentionInputs {
    let square = rows.masks(heads.window).square.as_ref().expect("the pass is a differentiable one");
    let (mut dq, mut dk, mut dv) = (Vec::new(), Vec::new(), Vec::new());
    let mut d_sinks: Option<Tensor<1>> = None;
    for span in rows.spans.iter().map(|span| &span.rows) {
        let (queries, keys, values) = span_heads(inputs, heads, span);
        let of_span = |tensor: &Tensor<2>| {
            split_heads(tensor.clone().narrow(0, span.start, span.len()), heads.queries, heads.value_width)
        };
        let (context, d_context) = (of_span(&output.context), of_span(d_context));
        let scores = scores(queries.clone(), keys.clone(), heads);
        let sinks = inputs
            .sinks
            .clone()
            .map(|sinks| sinks.reshape([heads.queries, 1, 1]).expand([heads.queries, span.len(), 1]));
        let weights = softmax_beside(masked(scores.clone(), square), sinks);
        let along = (context * d_context.clone()).sum_dim(2);
        if inputs.sinks.is_some() {
            // A sink's share is what the weights leave.
            let shares = -weights.clone().sum_dim(2) + 1.0;
            let of_span = -(shares * along.clone()).sum_dim(1).reshape([heads.queries]);
            d_sinks = Some(match d_sinks {
                None => of_span,
                Some(sum) => sum + of_span,
            });
        }
        let d_values = weights.clone().transpose().matmul(d_context.clone());
        let d_weights = d_context.matmul(values.transpose());
        let d_scores = weights * (d_weights - along) * heads.scale;
        let d_scores = match heads.cap {
            None => d_scores,
            Some(cap) => d_scores * (-(scores / cap).square() + 1.0),
        };
        dq.push(join_heads(d_scores.clone().matmul(keys)));
        dk.push(join_heads(sum_groups(d_scores.transpose().matmul(queries), heads)));
        dv.push(join_heads(sum_groups(d_values, heads)));
    }
    let (queries, keys, values) = (Tensor::cat(dq, 0), Tensor::cat(dk, 0), Tensor::cat(dv, 0));
    AttentionInputs { queries, keys, values, sinks: d_sinks }
}

/// Queries, keys, and values of one sequence, `[H, T, D]` each: keys and values repeated for the queries they serve.
fn span_heads(
    inputs: &AttentionInputs,
    heads: Heads,
    span: &std::ops::Range<usize>,
) -> (Tensor<3>, Tensor<3>, Tensor<3>) {
    let part = |tensor: &Tensor<2>, count: usize, width: usize| {
        split_heads(tensor.clone().narrow(0, span.start, span.len()), count, width)
    };
    let repeated = |tensor: &Tensor<2>, width: usize| {
        let groups = heads.queries / heads.keys;
        part(tensor, heads.keys, width)
            .unsqueeze_dim::<4>(1)
            .expand([heads.keys, groups, span.len(), width])
            .reshape([heads.queries, span.len(), width])
    };
    let queries = part(&inputs.queries, heads.queries, heads.width);
    (queries, repeated(&inputs.keys, heads.width), repeated(&inputs.values, heads.value_width))
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

/// What the products of queries and keys count as: `[H, T, T]`.
fn scores(queries: Tensor<3>, keys: Tensor<3>, heads: Heads) -> Tensor<3> {
    capped(queries.matmul(keys.transpose()) * heads.scale, heads)
}

/// Without what a query does not see: `[H, T, T]`.
fn masked(scores: Tensor<3>, square: &Tensor<2, Bool>) -> Tensor<3> {
    let length = scores.dims()[1];
    // What a query sees depends on how far back it is only, so that shorter sequences need a corner of the mask.
    let hidden = square.clone().slice([0..length, 0..length]);
    scores.mask_fill(hidden.unsqueeze(), f32::NEG_INFINITY)
}

/// `[T, T]` for the longest of some sequences, true where a query does not see a key: in the future, or out of the
/// window.
pub(super) fn square(spans: &[Span], window: Option<usize>, device: &Device) -> Tensor<2, Bool> {
    let length = spans.iter().map(|span| span.rows.len()).max().unwrap_or(0);
    let places = numbers(length, device);
    let keys = places.clone().reshape([1, length]).expand([length, length]);
    unseen(keys - places.reshape([length, 1]).expand([length, length]), window)
}
