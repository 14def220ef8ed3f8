//! The backward pass of attention in tensor operations, sequence by sequence, some queries at a time.

use std::ops::Range;

use burn::tensor::{Bool, Device, Tensor};

use super::attention::{as_product, by_key_head, by_row, numbers, scores, unseen, weights};
use super::wide::wide;
use crate::batch::Span;
use crate::ops::attention::{AttentionInputs, AttentionOutput, Heads};
use crate::ops::tables::Tables;

/// Queries of one sequence at a time.
const QUERIES: usize = 512;

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
        let sequence = Sequence::new(inputs, output, d_context, heads, span);
        let [mut d_keys, mut d_values] = [&sequence.keys, &sequence.values].map(Tensor::zeros_like);
        for start in (0..span.len()).step_by(QUERIES) {
            let queries = start..span.len().min(start + QUERIES);
            let first_key = heads.window.map_or(0, |window| (start + 1).saturating_sub(window));
            let keys = first_key..queries.end;
            let hidden = square.clone().slice([queries.clone(), keys.clone()]);
            let found = sequence.backward(queries, &keys, hidden, heads);
            dq.push(by_row(found.queries, heads.queries / heads.keys));
            d_keys = with_added(d_keys, &keys, found.keys);
            d_values = with_added(d_values, &keys, found.values);
            if let Some(found) = found.sinks {
                d_sinks = Some(match d_sinks {
                    None => found,
                    Some(sum) => sum + found,
                });
            }
        }
        dk.push(by_row(d_keys, 1));
        dv.push(by_row(d_values, 1));
    }
    let (queries, keys, values) = (Tensor::cat(dq, 0), Tensor::cat(dk, 0), Tensor::cat(dv, 0));
    AttentionInputs { queries, keys, values, sinks: d_sinks }
}

/// The tensors of one sequence, in `f32`.
struct Sequence {
    /// `[T, H * D]`.
    queries: Tensor<2>,
    /// `[1, K, T, D]`.
    keys: Tensor<4>,
    /// `[1, K, T, V]`.
    values: Tensor<4>,
    /// `[T, H * V]`.
    context: Tensor<2>,
    /// `[T, H * V]`.
    d_context: Tensor<2>,
    sinks: Option<Tensor<1>>,
}

/// The gradients of some queries, of the keys and values that they see, `[1, K, .., width]` each, and of the sinks.
struct Found {
    queries: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    sinks: Option<Tensor<1>>,
}

impl Sequence {
    fn new(
        inputs: &AttentionInputs,
        output: &AttentionOutput,
        d_context: &Tensor<2>,
        heads: Heads,
        span: &Range<usize>,
    ) -> Self {
        let part = |tensor: &Tensor<2>| wide(tensor.clone().narrow(0, span.start, span.len()));
        Self {
            queries: part(&inputs.queries),
            keys: by_key_head(part(&inputs.keys), 1, heads.keys, heads.width),
            values: by_key_head(part(&inputs.values), 1, heads.keys, heads.value_width),
            context: part(&output.context),
            d_context: part(d_context),
            sinks: inputs.sinks.clone(),
        }
    }

    fn backward(
        &self,
        queries: Range<usize>,
        keys: &Range<usize>,
        hidden: Tensor<2, Bool>,
        heads: Heads,
    ) -> Found {
        let of_queries = |rows: &Tensor<2>, width: usize| {
            by_key_head(rows.clone().narrow(0, queries.start, queries.len()), 1, heads.keys, width)
        };
        let of_keys = |tensor: &Tensor<4>| tensor.clone().narrow(2, keys.start, keys.len());
        let (queries, keys, values) =
            (of_queries(&self.queries, heads.width), of_keys(&self.keys), of_keys(&self.values));
        let (context, d_context) =
            (of_queries(&self.context, heads.value_width), of_queries(&self.d_context, heads.value_width));
        let scores = scores(queries.clone(), keys.clone(), heads);
        let seen = scores.clone().mask_fill(hidden.unsqueeze(), f32::NEG_INFINITY);
        let weights = as_product(weights(seen, self.sinks.as_ref()));
        let along = (context * d_context.clone()).sum_dim(3);
        let sinks = self.sinks.as_ref().map(|_| {
            // A sink's share is what the weights leave.
            let shares = -weights.clone().sum_dim(3) + 1.0;
            let groups = heads.queries / heads.keys;
            let of_heads =
                (shares * along.clone()).reshape([heads.keys * groups, queries.dims()[2] / groups]);
            -of_heads.sum_dim(1).reshape([heads.queries])
        });
        let d_values = weights.clone().transpose().matmul(d_context.clone());
        let d_weights = d_context.matmul(values.transpose());
        let d_scores = weights * (d_weights - along) * heads.scale;
        let d_scores = match heads.cap {
            None => d_scores,
            Some(cap) => d_scores * (-(as_product(scores) / cap).square() + 1.0),
        };
        let d_keys = d_scores.clone().transpose().matmul(queries);
        Found { queries: d_scores.matmul(keys), keys: d_keys, values: d_values, sinks }
    }
}

/// A sum, `[1, K, T, width]`, with more for some of its rows.
fn with_added(sum: Tensor<4>, rows: &Range<usize>, more: Tensor<4>) -> Tensor<4> {
    let [count, heads, length, width] = sum.dims();
    if rows.len() == length {
        return sum + more;
    }
    let place = [0..count, 0..heads, rows.clone(), 0..width];
    let before = sum.clone().slice(place.clone());
    sum.slice_assign(place, before + more)
}

/// `[T, T]` for the longest of some sequences, true where a query does not see a key: in the future, or out of the
/// window.
pub(super) fn square(spans: &[Span], window: Option<usize>, device: &Device) -> Tensor<2, Bool> {
    let length = spans.iter().map(|span| span.rows.len()).max().unwrap_or(0);
    let places = numbers(length, device);
    let keys = places.clone().reshape([1, length]).expand([length, length]);
    unseen(keys - places.reshape([length, 1]).expand([length, length]), window)
}
