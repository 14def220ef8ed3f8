//! Attention by kernels, sequence by sequence.

use burn::tensor::Tensor;

use super::buffers::buffer;
use super::lent::{Lent, tensor};
use super::scaled;
use crate::ops::attention::{AttentionInputs, AttentionOutput, Heads};
use crate::ops::path::KeyPath;
use crate::ops::tables::Tables;

pub(super) fn attention(
    inputs: AttentionInputs,
    heads: Heads,
    all: &Tables,
    asked: &Tables,
    path: &mut KeyPath,
) -> (AttentionOutput, AttentionInputs) {
    let n_queries = inputs.queries.dims()[0];
    let lent = LentInputs::new(inputs);
    let widths = Widths::of(heads);
    let shape = [n_queries, widths.context];
    let mut context = buffer(shape[0] * shape[1]);
    let mut log_sums = vec![0.0; heads.queries * n_queries];
    let mut asked = asked.spans.iter().peekable();
    for (at, span) in all.spans.iter().enumerate() {
        let keys = &lent.keys.values()[scaled(&span.rows, widths.keys)];
        let values = &lent.values.values()[scaled(&span.rows, widths.values)];
        let (keys, values) =
            path.of_span(at).extended(span.position, [widths.keys, widths.values], keys, values);
        while let Some(asked) = asked.next_if(|asked| asked.of == at) {
            lobass_kernels::causal_attention(
                heads.into(),
                &lent.queries.values()[scaled(&asked.rows, widths.queries)],
                &keys[..asked.end() * widths.keys],
                &values[..asked.end() * widths.values],
                lent.sinks.as_ref().map(Lent::values),
                &mut context[scaled(&asked.rows, widths.context)],
                &mut log_sums[scaled(&asked.rows, heads.queries)],
            );
        }
    }
    let n_sums = log_sums.len();
    let output =
        AttentionOutput { context: tensor(context, shape), log_sums: Some(tensor(log_sums, [n_sums])) };
    (output, lent.back())
}

pub(super) fn attention_backward(
    inputs: AttentionInputs,
    output: AttentionOutput,
    d_context: Tensor<2>,
    heads: Heads,
    rows: &Tables,
) -> AttentionInputs {
    let (q_shape, k_shape, v_shape) = (inputs.queries.dims(), inputs.keys.dims(), inputs.values.dims());
    let lent = LentInputs::new(inputs);
    let log_sums = Lent::new(output.log_sums.expect("the forward pass was on the same device"));
    let context = Lent::new(output.context);
    let d_context = Lent::new(d_context);
    let mut dq = buffer(q_shape[0] * q_shape[1]);
    let mut dk = buffer(k_shape[0] * k_shape[1]);
    let mut dv = buffer(v_shape[0] * v_shape[1]);
    let mut d_sinks = lent.sinks.as_ref().map(|_| vec![0.0; heads.queries]);
    let widths = Widths::of(heads);
    for span in &rows.spans {
        let [q, k] = [widths.queries, widths.keys].map(|width| scaled(&span.rows, width));
        let [v, c] = [widths.values, widths.context].map(|width| scaled(&span.rows, width));
        lobass_kernels::causal_attention_backward(
            heads.into(),
            &lent.queries.values()[q.clone()],
            &lent.keys.values()[k.clone()],
            &lent.values.values()[v.clone()],
            lent.sinks.as_ref().map(Lent::values),
            &context.values()[c.clone()],
            &log_sums.values()[scaled(&span.rows, heads.queries)],
            &d_context.values()[c],
            &mut dq[q],
            &mut dk[k],
            &mut dv[v],
            d_sinks.as_deref_mut(),
        );
    }
    AttentionInputs {
        queries: tensor(dq, q_shape),
        keys: tensor(dk, k_shape),
        values: tensor(dv, v_shape),
        sinks: d_sinks.map(|sinks| tensor(sinks, [heads.queries])),
    }
}

struct LentInputs {
    queries: Lent,
    keys: Lent,
    values: Lent,
    sinks: Option<Lent>,
}

impl LentInputs {
    fn new(inputs: AttentionInputs) -> Self {
        let AttentionInputs { queries, keys, values, sinks } = inputs;
        let (queries, keys, values) = (Lent::new(queries), Lent::new(keys), Lent::new(values));
        Self { queries, keys, values, sinks: sinks.map(Lent::new) }
    }

    fn back(self) -> AttentionInputs {
        let (queries, keys, values) = (self.queries.back(), self.keys.back(), self.values.back());
        AttentionInputs { queries, keys, values, sinks: self.sinks.map(Lent::back) }
    }
}

/// Numbers per row.
struct Widths {
    queries: usize,
    keys: usize,
    values: usize,
    context: usize,
}

impl Widths {
    fn of(heads: Heads) -> Self {
        Self {
            queries: heads.queries * heads.width,
            keys: heads.keys * heads.width,
            values: heads.keys * heads.value_width,
            context: heads.queries * heads.value_width,
        }
    }
}

impl From<Heads> for lobass_kernels::Heads {
    fn from(heads: Heads) -> Self {
        Self {
            queries: heads.queries,
            keys: heads.keys,
            width: heads.width,
            value_width: heads.value_width,
            window: heads.window,
            scale: heads.scale,
            cap: heads.cap,
        }
    }
}
