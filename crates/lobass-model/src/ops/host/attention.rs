//! Attention by kernels, sequence by sequence.

use burn::tensor::Tensor;

use super::buffers::buffer;
use super::lent::{Lent, tensor};
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
    let shape = inputs.queries.dims();
    let lent = LentInputs::new(inputs);
    let widths = Widths::of(heads);
    let mut context = buffer(shape[0] * shape[1]);
    let mut log_sums = vec![0.0; heads.queries * shape[0]];
    let mut asked = asked.spans.iter().peekable();
    for (at, span) in all.spans.iter().enumerate() {
        let (_, rows) = widths.ranges(&span.rows);
        let (keys, values) = (&lent.keys.values()[rows.clone()], &lent.values.values()[rows]);
        let (keys, values) = path.extended(span.position, widths.keys, keys, values);
        while let Some(asked) = asked.next_if(|asked| asked.of == at) {
            let (queries, _) = widths.ranges(&asked.rows);
            let seen = ..asked.end() * widths.keys;
            lobass_kernels::causal_attention(
                heads.into(),
                &lent.queries.values()[queries.clone()],
                &keys[seen],
                &values[seen],
                &mut context[queries],
                &mut log_sums[asked.rows.start * heads.queries..asked.rows.end * heads.queries],
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
    let (q_shape, k_shape) = (inputs.queries.dims(), inputs.keys.dims());
    let lent = LentInputs::new(inputs);
    let log_sums = Lent::new(output.log_sums.expect("the forward pass was on the same device"));
    let context = Lent::new(output.context);
    let d_context = Lent::new(d_context);
    let mut dq = buffer(q_shape[0] * q_shape[1]);
    let mut dk = buffer(k_shape[0] * k_shape[1]);
    let mut dv = buffer(k_shape[0] * k_shape[1]);
    for span in &rows.spans {
        let (q, k) = Widths::of(heads).ranges(&span.rows);
        let sums = span.rows.start * heads.queries..span.rows.end * heads.queries;
        lobass_kernels::causal_attention_backward(
            heads.into(),
            &lent.queries.values()[q.clone()],
            &lent.keys.values()[k.clone()],
            &lent.values.values()[k.clone()],
            &context.values()[q.clone()],
            &log_sums.values()[sums],
            &d_context.values()[q.clone()],
            &mut dq[q],
            &mut dk[k.clone()],
            &mut dv[k],
        );
    }
    AttentionInputs { queries: tensor(dq, q_shape), keys: tensor(dk, k_shape), values: tensor(dv, k_shape) }
}

struct LentInputs {
    queries: Lent,
    keys: Lent,
    values: Lent,
}

impl LentInputs {
    fn new(inputs: AttentionInputs) -> Self {
        let AttentionInputs { queries, keys, values } = inputs;
        Self { queries: Lent::new(queries), keys: Lent::new(keys), values: Lent::new(values) }
    }

    fn back(self) -> AttentionInputs {
        AttentionInputs { queries: self.queries.back(), keys: self.keys.back(), values: self.values.back() }
    }
}

/// Values per row.
struct Widths {
    queries: usize,
    keys: usize,
}

impl Widths {
    fn of(heads: Heads) -> Self {
        Self { queries: heads.queries * heads.width, keys: heads.keys * heads.width }
    }

    fn ranges(&self, span: &std::ops::Range<usize>) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let scaled = |width: usize| span.start * width..span.end * width;
        (scaled(self.queries), scaled(self.keys))
    }
}

impl From<Heads> for lobass_kernels::Heads {
    fn from(heads: Heads) -> Self {
        Self {
            queries: heads.queries,
            keys: heads.keys,
            width: heads.width,
            window: heads.window,
            scale: heads.scale(),
        }
    }
}
