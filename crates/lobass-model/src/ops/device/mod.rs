//! Operations in tensor operations, for devices without kernels of ours; the meaning of the kernels.

mod attention;
mod attention_backward;
mod dropout;
mod gate;
mod linear;
mod loss;
mod norm;
mod pieces;
mod wide;
mod work;

use std::ops::Range;

use burn::tensor::{DType, Device, IndexingUpdateOp, Tensor};
use lobass_kernels::{Activation, AdamW, DeltaHeads, Gate, LogitForm};
pub use loss::cross_entropy;
pub use work::AttentionWork;

use super::attention::{AttentionInputs, AttentionOutput, Heads};
use super::contract::{Concurrency, Ops};
use super::dropout::Dropout;
use super::input::Input;
use super::linear::{DecayWeights, DeltaInputs, Shifts};
use super::logits::{HeadProducts, Logits};
use super::norm::{NormForm, NormGradients, NormWeights};
use super::path::{KeyPath, StatePath};
use super::tables::{Angles, DropoutMasks, Masks, Rotary, Tables};
use super::transfer::{read, sent, sent_rows};
use crate::batch::Span;
use pieces::Cut;
use wide::{wide, widely};

/// Logits held at once, in values: 64 MiB of f32.
const LOGITS: usize = 16 << 20;

/// Tensor operations.
#[derive(Debug)]
pub(super) struct DeviceOps {
    device: Device,
    cut: Cut,
}

impl DeviceOps {
    pub(super) fn new(device: &Device) -> Self {
        Self { device: device.clone(), cut: Cut::default() }
    }

    #[cfg(test)]
    pub(super) fn finely_cut(device: &Device) -> Self {
        Self { device: device.clone(), cut: Cut { queries: 3, charge: 8, most: 64 } }
    }
}

impl Ops for DeviceOps {
    fn device(&self) -> Device {
        self.device.clone()
    }

    fn concurrency(&self) -> Concurrency {
        Concurrency::OneByOne
    }

    fn rows_at_once(&self) -> Option<usize> {
        None
    }

    /// Activations have the format of the weights, and so do products, whatever the device sums in.
    fn activation_dtype(&self, weights: DType, _: bool) -> DType {
        weights
    }

    fn masks(&self, heads: Heads, all: &[Span], asked: &[Span], is_traced: bool) -> Masks {
        let square = is_traced.then(|| attention_backward::square(all, heads.window, &self.device));
        Masks { square, ..attention::masks(self.cut, heads, all, asked, &self.device) }
    }

    fn pack(&self, x: Tensor<2>, dtype: DType) -> Input {
        Input { values: x.cast(dtype), packed: None }
    }

    fn product(&self, x: &Input, weight: &Tensor<2>) -> Tensor<2> {
        let (x, weight) = (x.values.clone(), weight.clone());
        let dtype = if x.dtype() == weight.dtype() { x.dtype() } else { DType::F32 };
        x.cast(weight.dtype()).matmul(weight.transpose()).cast(dtype)
    }

    fn widened(&self, weight: Tensor<2>) -> Tensor<2> {
        wide(weight)
    }

    fn norm(&self, form: NormForm, x: Tensor<2>, weights: &NormWeights) -> (Tensor<2>, Tensor<2>) {
        norm::norm(form, x, weights)
    }

    fn norm_backward(
        &self,
        form: NormForm,
        x: Tensor<2>,
        weights: &NormWeights,
        d_output: Tensor<2>,
        wants_weights: bool,
    ) -> NormGradients {
        norm::norm_backward(form, x, weights, &d_output, wants_weights)
    }

    fn rotate(&self, x: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        let angles = &rows.angles[how.rope];
        rotated(x, angles, angles.sin.clone(), how.head_width)
    }

    fn rotate_backward(&self, d_output: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        let angles = &rows.angles[how.rope];
        rotated(d_output, angles, -angles.sin.clone(), how.head_width)
    }

    fn gated(&self, how: Gate, gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        (gate::gated(how, gate.clone(), up.clone()), gate, up)
    }

    fn gated_backward(
        &self,
        how: Gate,
        gate: Tensor<2>,
        up: Tensor<2>,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        gate::gated_backward(how, gate, up, d_output)
    }

    fn activated(&self, activation: Activation, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        (widely(x.clone(), |x| gate::value(activation, x)), x)
    }

    fn activated_backward(&self, activation: Activation, x: Tensor<2>, d_output: Tensor<2>) -> Tensor<2> {
        gate::value_and_slope(activation, wide(x)).1 * d_output
    }

    fn residual(&self, x: Tensor<2>, y: Tensor<2>, scale: f32) -> (Tensor<2>, Tensor<2>) {
        let y = if scale == 1.0 { wide(y) } else { wide(y) * scale };
        (widely(x.clone(), |x| x + y), x)
    }

    /// The mask is made on the device once a pass, and stays there as booleans.
    fn drop_out(&self, x: Tensor<2>, dropout: Dropout, masks: &DropoutMasks) -> Tensor<2> {
        let shape = x.dims();
        let mask = masks.get(dropout.key, || dropout::mask(dropout, shape, &self.device));
        widely(x, |x| x * wide(mask.float() * dropout.factor()))
    }

    fn attention(
        &self,
        inputs: AttentionInputs,
        heads: Heads,
        _: &Tables,
        asked: &Tables,
        _: &mut KeyPath,
    ) -> (AttentionOutput, AttentionInputs) {
        (attention::attention(&inputs, heads, asked.masks(heads.window)), inputs)
    }

    fn attention_backward(
        &self,
        inputs: AttentionInputs,
        output: AttentionOutput,
        d_context: Tensor<2>,
        heads: Heads,
        rows: &Tables,
    ) -> AttentionInputs {
        attention_backward::attention_backward(&inputs, &output, &d_context, heads, rows)
    }

    fn shifts(&self, size: usize, spans: &[Span], is_traced: bool) -> Shifts {
        Shifts::new(size, spans, is_traced, &self.device)
    }

    fn convolved(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        rows: &Tables,
        _: &mut StatePath,
    ) -> (Tensor<2>, Tensor<2>) {
        (widely(x.clone(), |x| linear::convolved(&x, weight, rows.shifts(weight.dims()[1]))), x)
    }

    fn convolved_backward(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> (Tensor<2>, Tensor<2>) {
        linear::convolved_backward(&wide(x), weight, &d_output, rows.shifts(weight.dims()[1]))
    }

    fn log_decays(&self, x: Tensor<2>, weights: &DecayWeights) -> (Tensor<2>, Tensor<2>) {
        (linear::log_decays(wide(x.clone()), weights), x)
    }

    fn log_decays_backward(
        &self,
        x: Tensor<2>,
        weights: &DecayWeights,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, DecayWeights) {
        linear::log_decays_backward(wide(x), weights, d_output)
    }

    fn delta_rule(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        rows: &Tables,
        _: &mut StatePath,
    ) -> (Tensor<2>, DeltaInputs) {
        (linear::delta_rule(&inputs, heads, rows), inputs)
    }

    fn delta_rule_backward(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> DeltaInputs {
        linear::delta_rule_backward(&inputs, heads, &d_output, rows)
    }

    fn values(&self, x: Tensor<2>) -> Vec<f32> {
        read(x)
    }

    fn joined(&self, vectors: Vec<Tensor<1>>) -> Vec<f32> {
        if vectors.is_empty() { Vec::new() } else { read(Tensor::cat(vectors, 0)) }
    }

    fn matrix(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        sent(values, shape, &self.device)
    }

    fn select_rows(&self, x: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
        x.clone().select(0, sent_rows(rows, &self.device))
    }

    fn add_rows(
        &self,
        sum: Tensor<2>,
        rows: &[usize],
        weights: &[f32],
        y: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let weights = self.matrix(weights.to_vec(), [rows.len(), 1]);
        let weighted = wide(y.clone()) * weights;
        (sum.select_assign(0, sent_rows(rows, &self.device), weighted, IndexingUpdateOp::Add), y)
    }

    fn row_dots(&self, x: &Tensor<2>, y: &Tensor<2>) -> Vec<f32> {
        self.values((wide(x.clone()) * wide(y.clone())).sum_dim(1))
    }

    fn each_logits(
        &self,
        n_rows: usize,
        vocab: usize,
        head: HeadProducts<'_>,
        read: &mut dyn FnMut(Range<usize>, Logits<'_>),
    ) {
        let size = (LOGITS / vocab).max(1);
        for start in (0..n_rows).step_by(size) {
            let rows = start..n_rows.min(start + size);
            read(rows.clone(), Logits::Whole((head.product)(&(head.pack)(&rows), &(0..vocab))));
        }
    }

    fn logits(&self, form: LogitForm, products: Tensor<2>) -> Tensor<2> {
        loss::logits(form, products)
    }

    fn logits_backward(&self, form: LogitForm, logits: Tensor<2>, d_logits: Tensor<2>) -> Tensor<2> {
        loss::logits_backward(form, logits, d_logits)
    }

    fn cross_entropy_backward(
        &self,
        logits: Tensor<2>,
        labels: &[u32],
        seeds: &[f32],
    ) -> (Vec<f32>, Tensor<2>) {
        loss::cross_entropy_backward(logits, labels, seeds)
    }

    fn added(&self, sum: Tensor<1>, more: Tensor<1>) -> Tensor<1> {
        sum + more
    }

    /// All sums are read at once.
    fn sums_of_squares(&self, all: &[&Tensor<1>]) -> Vec<f64> {
        if all.is_empty() {
            return Vec::new();
        }
        let sums = all.iter().map(|&values| values.clone().square().sum()).collect();
        read(Tensor::cat(sums, 0)).into_iter().map(f64::from).collect()
    }

    fn adamw(
        &self,
        step: AdamW,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        [means, squares]: [Tensor<1>; 2],
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let means = means * step.beta_1 + gradient.clone() * (1.0 - step.beta_1);
        let squares = squares * step.beta_2 + gradient.square() * (1.0 - step.beta_2);
        let root = squares.clone().sqrt() / step.correction_2_sqrt + step.epsilon;
        let update = means.clone() / step.correction_1 / root;
        let weights = weights * (1.0 - step.learning_rate * step.weight_decay) - update * step.learning_rate;
        (weights, [means, squares])
    }

    /// The device has its own memory pool.
    fn recycle(&self, _: Tensor<2>) {}
}

fn rotated(x: Tensor<2>, angles: &Angles, sin: Tensor<3>, head_width: usize) -> Tensor<2> {
    let [count, width] = x.dims();
    let (half, turned) = (angles.turned / 2, angles.turned);
    let (cos, dtype) = (angles.cos.clone(), x.dtype());
    let heads = wide(x).reshape([count, width / head_width, head_width]);
    let (first, second) = (heads.clone().narrow(2, 0, half), heads.clone().narrow(2, half, half));
    let rotated_first = first.clone() * cos.clone() - second.clone() * sin.clone();
    let rotated_second = second * cos + first * sin;
    let mut pieces = vec![rotated_first, rotated_second];
    if turned < head_width {
        pieces.push(heads.narrow(2, turned, head_width - turned));
    }
    Tensor::cat(pieces, 2).reshape([count, width]).cast(dtype)
}
