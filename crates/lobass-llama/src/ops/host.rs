//! Operations as kernels on slices.

use burn::tensor::{DType, Tensor, bf16};

use super::{AttentionInputs, AttentionOutput, Heads, KeyPath};
use crate::buffers::{buffer, recycle};
use crate::host::{Lent, Read, tensor, widened};
use crate::model::{RopeTables, Rows};

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
pub(super) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f64) -> (Tensor<2>, Tensor<2>) {
    let (device, shape) = (x.device(), x.dims());
    let (x, weight) = (Lent::new(x), Lent::new(weight));
    let mut y = buffer(x.values().len());
    lobass_kernels::rms_norm(x.values(), weight.values(), eps as f32, &mut y);
    (tensor(y, shape, &device), x.back(&device))
}

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
pub(super) fn rms_norm_backward(
    x: Tensor<2>,
    weight: Tensor<1>,
    eps: f64,
    d_output: Tensor<2>,
    wants_weight: bool,
) -> (Tensor<2>, Option<Tensor<1>>) {
    let (device, shape) = (x.device(), x.dims());
    let (x, weight, d_output) = (Lent::new(x), Lent::new(weight), Lent::new(d_output));
    let mut dx = buffer(x.values().len());
    let mut d_weight = wants_weight.then(|| vec![0.0; weight.values().len()]);
    lobass_kernels::rms_norm_backward(
        x.values(),
        weight.values(),
        eps as f32,
        d_output.values(),
        &mut dx,
        d_weight.as_deref_mut(),
    );
    let d_weight = d_weight.map(|values| tensor(values, [shape[1]], &device));
    (tensor(dx, shape, &device), d_weight)
}

pub(super) fn rotate(x: Tensor<2>, rope: &RopeTables, backward: bool) -> Tensor<2> {
    let (device, width) = (x.device(), x.dims()[1]);
    let heads = width / rope.width();
    let kernel = if backward { lobass_kernels::rotate_backward } else { lobass_kernels::rotate };
    let mut x = Lent::new(x);
    kernel(x.values_mut(), rope.cos(), rope.sin(), heads, rope.width());
    x.back(&device)
}

pub(super) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    let (device, shape) = (gate.device(), gate.dims());
    let (gate, up) = (Lent::new(gate), Lent::new(up));
    let mut output = buffer(gate.values().len());
    lobass_kernels::swiglu(gate.values(), up.values(), &mut output);
    (tensor(output, shape, &device), gate.back(&device), up.back(&device))
}

pub(super) fn swiglu_backward(gate: Tensor<2>, up: Tensor<2>, d_output: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let device = gate.device();
    let (mut gate, mut up, d_output) = (Lent::new(gate), Lent::new(up), Lent::new(d_output));
    lobass_kernels::swiglu_backward(gate.values_mut(), up.values_mut(), d_output.values());
    (gate.back(&device), up.back(&device))
}

pub(super) fn attention(
    inputs: AttentionInputs,
    heads: Heads,
    all: &Rows,
    asked: &Rows,
    path: &mut KeyPath,
) -> (AttentionOutput, AttentionInputs) {
    let (device, shape) = (inputs.queries.device(), inputs.queries.dims());
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
    let output = AttentionOutput {
        context: tensor(context, shape, &device),
        log_sums: Some(tensor(log_sums, [n_sums], &device)),
    };
    (output, lent.back(&device))
}

pub(super) fn attention_backward(
    inputs: AttentionInputs,
    output: AttentionOutput,
    d_context: Tensor<2>,
    heads: Heads,
    rows: &Rows,
) -> AttentionInputs {
    let device = d_context.device();
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
    AttentionInputs {
        queries: tensor(dq, q_shape, &device),
        keys: tensor(dk, k_shape, &device),
        values: tensor(dv, k_shape, &device),
    }
}

pub(super) fn residual(x: Tensor<2>, y: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let device = x.device();
    let (x, mut y) = (Lent::new(x), Lent::new(y));
    lobass_kernels::axpy(1.0, x.values(), y.values_mut());
    (y.back(&device), x.back(&device))
}

pub(super) fn project(x: &Tensor<2>, weight: &Tensor<2>, rounded: bool) -> Tensor<2> {
    let ([rows, inputs], [outputs, _], device) = (x.dims(), weight.dims(), x.device());
    let mut y = buffer(rows * outputs);
    if rounded && weight.dtype() == DType::BF16 {
        let (x, weight) = (Read::new(x), Read::new(weight));
        lobass_kernels::matmul_bf16(x.values::<f32>(), weight.values::<bf16>(), &mut y, inputs);
        return tensor(y, [rows, outputs], &device);
    }
    let weight = widened(weight.clone());
    let (x, values) = (Read::new(x), Read::new(&weight));
    lobass_kernels::project(x.values::<f32>(), values.values::<f32>(), inputs, &mut y);
    drop(values);
    recycle(weight);
    tensor(y, [rows, outputs], &device)
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

    fn back(self, device: &burn::tensor::Device) -> AttentionInputs {
        AttentionInputs {
            queries: self.queries.back(device),
            keys: self.keys.back(device),
            values: self.values.back(device),
        }
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
