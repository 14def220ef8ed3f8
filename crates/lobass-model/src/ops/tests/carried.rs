//! Tensor operations for tests, whose tensors are on the processor: they are carried to a device and back.

use std::ops::Range;
use std::sync::LazyLock;

use burn::tensor::{DType, Device, Tensor};
use lobass_kernels::AdamW;

use crate::DeviceName;
use crate::batch::Span;
use crate::ops::device::DeviceOps;
use crate::ops::linear::Shifts;
use crate::ops::norm::NormGradients;
use crate::ops::tables::Masks;
use crate::ops::{
    Activation, AttentionInputs, AttentionOutput, Concurrency, DecayWeights, DeltaHeads, DeltaInputs,
    Dropout, DropoutMasks, Gate, HeadProducts, Heads, Input, KeyPath, LogitForm, Logits, NormForm,
    NormWeights, Ops, Rotary, StatePath, Tables,
};

/// Where tests run tensor operations: on a card if the build has a back end for one, or else on the processor.
pub(super) static CARD: LazyLock<Device> = LazyLock::new(|| {
    if !cfg!(feature = "wgpu") {
        return Device::flex();
    }
    let name: Result<DeviceName, _> = "wgpu".parse();
    name.unwrap_or_else(|error| panic!("{error}; `cargo xtask devices` says what these tests need")).open()
});

/// [`DeviceOps`] with inputs and results on the processor.
#[derive(Debug)]
pub(super) struct CarriedOps(DeviceOps);

impl CarriedOps {
    pub(super) fn new() -> Self {
        Self(DeviceOps::new(&CARD))
    }

    /// With attention cut into many small rectangles.
    pub(super) fn finely_cut() -> Self {
        Self(DeviceOps::finely_cut(&CARD))
    }

    /// Half precision that the device computes in: the shaders of some cards lack bf16.
    pub(super) fn halves() -> impl Iterator<Item = DType> {
        [DType::F16, DType::BF16].into_iter().filter(|&dtype| Self::computes_in(dtype))
    }

    /// Whether the device computes in a number format. Every one has `f32` and `f16`, or these tests fail.
    pub(super) fn computes_in(dtype: DType) -> bool {
        dtype != DType::BF16 || !cfg!(feature = "wgpu") || CARD.supports_dtype(dtype)
    }
}

/// A tensor on another device, in its format.
fn moved<const D: usize>(tensor: Tensor<D>, device: &Device) -> Tensor<D> {
    let dtype = tensor.dtype();
    Tensor::from_data(tensor.into_data(), (device, dtype))
}

fn there<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    moved(tensor, &CARD)
}

pub(super) fn back<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    moved(tensor, &Device::flex())
}

fn both_back<const D: usize>((one, other): (Tensor<D>, Tensor<D>)) -> (Tensor<D>, Tensor<D>) {
    (back(one), back(other))
}

fn weights_there(weights: &NormWeights) -> NormWeights {
    NormWeights { weight: weights.weight.clone().map(there), bias: weights.bias.clone().map(there) }
}

fn each_input(
    inputs: AttentionInputs,
    carry: fn(Tensor<2>) -> Tensor<2>,
    device: &Device,
) -> AttentionInputs {
    let AttentionInputs { queries, keys, values, sinks } = inputs;
    let sinks = sinks.map(|sinks| moved(sinks, device));
    AttentionInputs { queries: carry(queries), keys: carry(keys), values: carry(values), sinks }
}

fn each_decay(weights: DecayWeights, device: &Device) -> DecayWeights {
    let DecayWeights { log_rates, biases } = weights;
    DecayWeights { log_rates: moved(log_rates, device), biases: moved(biases, device) }
}

fn each_delta(inputs: DeltaInputs, carry: fn(Tensor<2>) -> Tensor<2>) -> DeltaInputs {
    let DeltaInputs { queries, keys, values, log_decays, rates } = inputs;
    DeltaInputs {
        queries: carry(queries),
        keys: carry(keys),
        values: carry(values),
        log_decays: carry(log_decays),
        rates: carry(rates),
    }
}

impl Ops for CarriedOps {
    fn device(&self) -> Device {
        self.0.device()
    }

    fn concurrency(&self) -> Concurrency {
        self.0.concurrency()
    }

    fn rows_at_once(&self) -> Option<usize> {
        self.0.rows_at_once()
    }

    fn activation_dtype(&self, weights: DType, is_traced: bool) -> DType {
        self.0.activation_dtype(weights, is_traced)
    }

    fn masks(&self, heads: Heads, all: &[Span], asked: &[Span], is_traced: bool) -> Masks {
        self.0.masks(heads, all, asked, is_traced)
    }

    fn pack(&self, x: Tensor<2>, dtype: DType) -> Input {
        self.0.pack(there(x), dtype)
    }

    fn product(&self, x: &Input, weight: &Tensor<2>) -> Tensor<2> {
        back(self.0.product(x, &there(weight.clone())))
    }

    fn widened(&self, weight: Tensor<2>) -> Tensor<2> {
        back(self.0.widened(there(weight)))
    }

    fn product_backward(&self, d_output: &Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        back(self.0.product_backward(&there(d_output.clone()), there(weight)))
    }

    fn norm(&self, form: NormForm, x: Tensor<2>, weights: &NormWeights) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.norm(form, there(x), &weights_there(weights)))
    }

    fn norm_backward(
        &self,
        form: NormForm,
        x: Tensor<2>,
        weights: &NormWeights,
        d_output: Tensor<2>,
        wants_weights: bool,
    ) -> NormGradients {
        let weights = weights_there(weights);
        let found = self.0.norm_backward(form, there(x), &weights, there(d_output), wants_weights);
        let NormGradients { input, weight, bias } = found;
        NormGradients { input: back(input), weight: weight.map(back), bias: bias.map(back) }
    }

    fn rotate(&self, x: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        back(self.0.rotate(there(x), rows, how))
    }

    fn rotate_backward(&self, d_output: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        back(self.0.rotate_backward(there(d_output), rows, how))
    }

    fn gated(&self, how: Gate, gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let (gated, gate, up) = self.0.gated(how, there(gate), there(up));
        (back(gated), back(gate), back(up))
    }

    fn gated_backward(
        &self,
        how: Gate,
        gate: Tensor<2>,
        up: Tensor<2>,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.gated_backward(how, there(gate), there(up), there(d_output)))
    }

    fn activated(&self, activation: Activation, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.activated(activation, there(x)))
    }

    fn activated_backward(&self, activation: Activation, x: Tensor<2>, d_output: Tensor<2>) -> Tensor<2> {
        back(self.0.activated_backward(activation, there(x), there(d_output)))
    }

    fn residual(&self, x: Tensor<2>, y: Tensor<2>, scale: f32) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.residual(there(x), there(y), scale))
    }

    fn drop_out(&self, x: Tensor<2>, dropout: Dropout, masks: &DropoutMasks) -> Tensor<2> {
        back(self.0.drop_out(there(x), dropout, masks))
    }

    fn attention(
        &self,
        inputs: AttentionInputs,
        heads: Heads,
        all: &Tables,
        asked: &Tables,
        path: &mut KeyPath,
    ) -> (AttentionOutput, AttentionInputs) {
        let inputs = each_input(inputs, there, &CARD);
        let (output, inputs) = self.0.attention(inputs, heads, all, asked, path);
        let AttentionOutput { context, log_sums } = output;
        let output = AttentionOutput { context: back(context), log_sums: log_sums.map(back) };
        (output, each_input(inputs, back, &Device::flex()))
    }

    fn attention_backward(
        &self,
        inputs: AttentionInputs,
        output: AttentionOutput,
        d_context: Tensor<2>,
        heads: Heads,
        rows: &Tables,
    ) -> AttentionInputs {
        let AttentionOutput { context, log_sums } = output;
        let output = AttentionOutput { context: there(context), log_sums: log_sums.map(there) };
        let inputs = each_input(inputs, there, &CARD);
        let found = self.0.attention_backward(inputs, output, there(d_context), heads, rows);
        each_input(found, back, &Device::flex())
    }

    fn shifts(&self, size: usize, spans: &[Span], is_traced: bool) -> Shifts {
        self.0.shifts(size, spans, is_traced)
    }

    fn convolved(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.convolved(there(x), &there(weight.clone()), rows, path))
    }

    fn convolved_backward(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.convolved_backward(there(x), &there(weight.clone()), there(d_output), rows))
    }

    fn log_decays(&self, x: Tensor<2>, weights: &DecayWeights) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.log_decays(there(x), &each_decay(weights.clone(), &CARD)))
    }

    fn log_decays_backward(
        &self,
        x: Tensor<2>,
        weights: &DecayWeights,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, DecayWeights) {
        let weights = each_decay(weights.clone(), &CARD);
        let (dx, d_weights) = self.0.log_decays_backward(there(x), &weights, there(d_output));
        (back(dx), each_decay(d_weights, &Device::flex()))
    }

    fn delta_rule(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, DeltaInputs) {
        let (read, inputs) = self.0.delta_rule(each_delta(inputs, there), heads, rows, path);
        (back(read), each_delta(inputs, back))
    }

    fn delta_rule_backward(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> DeltaInputs {
        let found = self.0.delta_rule_backward(each_delta(inputs, there), heads, there(d_output), rows);
        each_delta(found, back)
    }

    fn values(&self, x: Tensor<2>) -> Vec<f32> {
        self.0.values(there(x))
    }

    fn joined(&self, vectors: Vec<Tensor<1>>) -> Vec<f32> {
        self.0.joined(vectors.into_iter().map(there).collect())
    }

    fn matrix(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        back(self.0.matrix(values, shape))
    }

    fn select_rows(&self, x: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
        back(self.0.select_rows(&there(x.clone()), rows))
    }

    fn add_rows(
        &self,
        sum: Tensor<2>,
        rows: &[usize],
        weights: &[f32],
        y: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        both_back(self.0.add_rows(there(sum), rows, weights, there(y)))
    }

    fn row_dots(&self, x: &Tensor<2>, y: &Tensor<2>) -> Vec<f32> {
        self.0.row_dots(&there(x.clone()), &there(y.clone()))
    }

    fn each_logits(
        &self,
        n_rows: usize,
        vocab: usize,
        head: HeadProducts<'_>,
        read: &mut dyn FnMut(Range<usize>, Logits<'_>),
    ) {
        self.0.each_logits(n_rows, vocab, head, read);
    }

    fn logits(&self, form: LogitForm, products: Tensor<2>) -> Tensor<2> {
        back(self.0.logits(form, there(products)))
    }

    fn logits_backward(&self, form: LogitForm, logits: Tensor<2>, d_logits: Tensor<2>) -> Tensor<2> {
        back(self.0.logits_backward(form, there(logits), there(d_logits)))
    }

    fn cross_entropy_backward(
        &self,
        logits: Tensor<2>,
        labels: &[u32],
        seeds: &[f32],
    ) -> (Vec<f32>, Tensor<2>) {
        let (losses, d_logits) = self.0.cross_entropy_backward(there(logits), labels, seeds);
        (losses, back(d_logits))
    }

    fn added(&self, sum: Tensor<1>, more: Tensor<1>) -> Tensor<1> {
        back(self.0.added(there(sum), there(more)))
    }

    fn sums_of_squares(&self, all: &[&Tensor<1>]) -> Vec<f64> {
        let all: Vec<Tensor<1>> = all.iter().map(|&values| there(values.clone())).collect();
        self.0.sums_of_squares(&all.iter().collect::<Vec<_>>())
    }

    fn adamw(
        &self,
        step: AdamW,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        means: [Tensor<1>; 2],
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let (weights, means) = self.0.adamw(step, there(weights), there(gradient), means.map(there));
        (back(weights), means.map(back))
    }

    fn recycle(&self, tensor: Tensor<2>) {
        self.0.recycle(tensor);
    }
}
