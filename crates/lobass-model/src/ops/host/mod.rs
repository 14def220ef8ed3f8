//! Operations as kernels on slices, for the processor.

mod attention;
mod buffers;
mod gradient_buffers;
mod lent;
mod linear;
mod logits;
mod norm;
mod parts;
mod rotary;
mod rounded;
mod rows;
mod vectors;

use std::ops::Range;

use burn::tensor::{DType, Device, Tensor};
use lobass_kernels::{Activation, AdamW, Bf16Parts, DeltaHeads, Gate, LogitForm};

use self::buffers::buffer;
use self::gradient_buffers::GradientBuffers;
use self::lent::{Lent, Read, tensor, widened};
pub(super) use self::parts::gains_from_parts;
use self::parts::packed;
use super::attention::{AttentionInputs, AttentionOutput, Heads};
use super::contract::{Concurrency, Ops};
use super::dropout::Dropout;
use super::input::Input;
use super::linear::{DecayWeights, DeltaInputs, Shifts};
use super::logits::{HeadProducts, Logits};
use super::norm::{NormForm, NormGradients, NormWeights};
use super::path::{KeyPath, StatePath};
use super::tables::{DropoutMasks, Masks, Rotary, Tables};
use crate::batch::Span;

/// Rows that go through a layer at once: enough for products to run at full speed, and few enough that what lies between
/// them stays in the cache.
const ROWS_OF_A_PART: usize = 512;

/// Kernels on slices.
#[derive(Debug, Default)]
pub(super) struct HostOps {
    /// Whether products of training round both sides to bf16.
    rounds: bool,
    /// As what activations are multiplied with weights in bf16, if no gradients are wanted.
    parts: Bf16Parts,
    gradients: GradientBuffers,
}

impl HostOps {
    /// Operations whose products of training are in bf16, with `f32` sums.
    pub(super) fn rounded() -> Self {
        Self { rounds: true, ..Self::default() }
    }

    /// Operations that multiply activations as sums of parts with weights in bf16.
    pub(super) fn in_parts(parts: Bf16Parts) -> Self {
        Self { parts, ..Self::default() }
    }
}

impl Ops for HostOps {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn concurrency(&self) -> Concurrency {
        Concurrency::Threads
    }

    fn rows_at_once(&self) -> Option<usize> {
        Some(ROWS_OF_A_PART)
    }

    fn activation_dtype(&self, weights: DType, is_traced: bool) -> DType {
        let is_rounded = if is_traced { self.rounds } else { weights == DType::BF16 };
        if is_rounded { DType::BF16 } else { DType::F32 }
    }

    fn masks(&self, _: Heads, _: &[Span], _: &[Span], _: bool) -> Masks {
        Masks::default()
    }

    fn pack(&self, x: Tensor<2>, dtype: DType) -> Input {
        if dtype == DType::BF16 { packed(x, self.parts) } else { Input { values: x, packed: None } }
    }

    /// For a head that stays in bf16, activations have two parts at least. A third would take half as long again.
    fn pack_for_head(&self, x: Tensor<2>, weights: DType) -> Input {
        match (self.rounds, weights) {
            (true, _) => self.pack(x, DType::BF16),
            (false, DType::BF16) => packed(x, self.parts.max(Bf16Parts::Two)),
            (false, _) => self.pack(x, DType::F32),
        }
    }

    fn product(&self, x: &Input, weight: &Tensor<2>) -> Tensor<2> {
        let ([rows, inputs], [outputs, _]) = (x.values.dims(), weight.dims());
        let mut y = buffer(rows * outputs);
        if let Some(packed) = x.packed.as_ref().filter(|_| self.rounds || weight.dtype() == DType::BF16) {
            rounded::product(packed, weight, &mut y);
            return tensor(y, [rows, outputs]);
        }
        let weight = widened(weight.clone());
        let (x, values) = (Read::new(&x.values), Read::new(&weight));
        lobass_kernels::project(x.values::<f32>(), values.values::<f32>(), inputs, &mut y);
        drop(values);
        self.recycle(weight);
        tensor(y, [rows, outputs])
    }

    fn widened(&self, weight: Tensor<2>) -> Tensor<2> {
        widened(weight)
    }

    fn product_backward(&self, d_output: &Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        if self.rounds {
            return rounded::inputs_backward(d_output, &weight);
        }
        d_output.clone().matmul(self.widened(weight))
    }

    fn weight_backward(&self, d_output: &Tensor<2>, x: &Tensor<2>) -> Tensor<2> {
        if self.rounds {
            let [outputs, inputs] = [d_output.dims()[1], x.dims()[1]];
            return rounded::weight_backward(d_output, x, self.gradients.take(outputs * inputs));
        }
        d_output.clone().transpose().matmul(x.clone())
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
        norm::norm_backward(form, x, weights, d_output, wants_weights)
    }

    fn rotate(&self, x: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        rotary::rotated(x, rows, how, lobass_kernels::rotate)
    }

    fn rotate_backward(&self, d_output: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2> {
        rotary::rotated(d_output, rows, how, lobass_kernels::rotate_backward)
    }

    fn gated(&self, how: Gate, gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let shape = gate.dims();
        let (gate, up) = (Lent::new(gate), Lent::new(up));
        let mut output = buffer(gate.values().len());
        lobass_kernels::gated(how, gate.values(), up.values(), &mut output);
        (tensor(output, shape), gate.back(), up.back())
    }

    fn gated_backward(
        &self,
        how: Gate,
        gate: Tensor<2>,
        up: Tensor<2>,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        let (mut gate, mut up, d_output) = (Lent::new(gate), Lent::new(up), Lent::new(d_output));
        lobass_kernels::gated_backward(how, gate.values_mut(), up.values_mut(), d_output.values());
        (gate.back(), up.back())
    }

    fn activated(&self, activation: Activation, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let shape = x.dims();
        let x = Lent::new(x);
        let mut output = buffer(x.values().len());
        lobass_kernels::activated(activation, x.values(), &mut output);
        (tensor(output, shape), x.back())
    }

    fn activated_backward(&self, activation: Activation, x: Tensor<2>, d_output: Tensor<2>) -> Tensor<2> {
        let (mut x, d_output) = (Lent::new(x), Lent::new(d_output));
        lobass_kernels::activated_backward(activation, x.values_mut(), d_output.values());
        x.back()
    }

    fn residual(&self, x: Tensor<2>, y: Tensor<2>, scale: f32) -> (Tensor<2>, Tensor<2>) {
        let (x, mut y) = (Lent::new(x), Lent::new(y));
        lobass_kernels::scaled_sum(x.values(), scale, y.values_mut());
        (y.back(), x.back())
    }

    /// A mask is made again wherever it is needed: that takes less time than keeping it takes memory.
    fn drop_out(&self, x: Tensor<2>, dropout: Dropout, _: &DropoutMasks) -> Tensor<2> {
        let (mut x, factor) = (Lent::new(x), dropout.factor());
        for (at, value) in x.values_mut().iter_mut().enumerate() {
            *value *= if dropout.keeps(at as u64) { factor } else { 0.0 };
        }
        x.back()
    }

    fn attention(
        &self,
        inputs: AttentionInputs,
        heads: Heads,
        all: &Tables,
        asked: &Tables,
        path: &mut KeyPath,
    ) -> (AttentionOutput, AttentionInputs) {
        attention::attention(inputs, heads, all, asked, path)
    }

    fn attention_backward(
        &self,
        inputs: AttentionInputs,
        output: AttentionOutput,
        d_context: Tensor<2>,
        heads: Heads,
        rows: &Tables,
    ) -> AttentionInputs {
        attention::attention_backward(inputs, output, d_context, heads, rows)
    }

    fn shifts(&self, _: usize, _: &[Span], _: bool) -> Shifts {
        Shifts::default()
    }

    fn convolved(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, Tensor<2>) {
        linear::convolved(x, weight, rows, path)
    }

    fn convolved_backward(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> (Tensor<2>, Tensor<2>) {
        linear::convolved_backward(x, weight, d_output, rows)
    }

    fn log_decays(&self, x: Tensor<2>, weights: &DecayWeights) -> (Tensor<2>, Tensor<2>) {
        linear::log_decays(x, weights)
    }

    fn log_decays_backward(
        &self,
        x: Tensor<2>,
        weights: &DecayWeights,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, DecayWeights) {
        linear::log_decays_backward(x, weights, d_output)
    }

    fn delta_rule(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, DeltaInputs) {
        linear::delta_rule(inputs, heads, rows, path)
    }

    fn delta_rule_backward(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> DeltaInputs {
        linear::delta_rule_backward(inputs, heads, d_output, rows)
    }

    fn values(&self, x: Tensor<2>) -> Vec<f32> {
        Read::new(&x).values::<f32>().to_vec()
    }

    fn joined(&self, vectors: Vec<Tensor<1>>) -> Vec<f32> {
        vectors.iter().flat_map(|vector| Read::new(vector).values::<f32>().to_vec()).collect()
    }

    fn matrix(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        tensor(values, shape)
    }

    fn select_rows(&self, x: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
        rows::selected(x, rows)
    }

    fn add_rows(
        &self,
        sum: Tensor<2>,
        rows: &[usize],
        weights: &[f32],
        y: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>) {
        rows::added(sum, rows, weights, y)
    }

    fn added_by_token(
        &self,
        gradient: Option<Tensor<2>>,
        shape: [usize; 2],
        tokens: &[u32],
        d_rows: Tensor<2>,
    ) -> Tensor<2> {
        let zeros = || rows::zeros(self.gradients.take(shape[0] * shape[1]), shape);
        rows::added_by_token(gradient.unwrap_or_else(zeros), tokens, d_rows)
    }

    fn row_dots(&self, x: &Tensor<2>, y: &Tensor<2>) -> Vec<f32> {
        rows::dots(x, y)
    }

    fn each_logits(
        &self,
        n_rows: usize,
        vocab: usize,
        head: HeadProducts<'_>,
        read: &mut dyn FnMut(Range<usize>, Logits<'_>),
    ) {
        logits::each_logits(n_rows, vocab, head, read);
    }

    fn logits(&self, form: LogitForm, products: Tensor<2>) -> Tensor<2> {
        if form == LogitForm::PLAIN {
            return products;
        }
        let mut products = Lent::new(products);
        lobass_kernels::logits(form, products.values_mut());
        products.back()
    }

    fn logits_backward(&self, form: LogitForm, logits: Tensor<2>, d_logits: Tensor<2>) -> Tensor<2> {
        let (logits, mut d_logits) = (Lent::new(logits), Lent::new(d_logits));
        lobass_kernels::logits_backward(form, logits.values(), d_logits.values_mut());
        d_logits.back()
    }

    fn cross_entropy_backward(
        &self,
        logits: Tensor<2>,
        labels: &[u32],
        seeds: &[f32],
    ) -> (Vec<f32>, Tensor<2>) {
        let mut losses = vec![0.0; labels.len()];
        let mut logits = Lent::new(logits);
        lobass_kernels::cross_entropy_backward(logits.values_mut(), labels, seeds, &mut losses);
        (losses, logits.back())
    }

    fn added(&self, sum: Tensor<1>, more: Tensor<1>) -> Tensor<1> {
        let (mut sum, more) = (Lent::new(sum), Lent::new(more));
        vectors::add(sum.values_mut(), more.values());
        self.gradients.give_back(more.into_values());
        sum.back()
    }

    fn sums_of_squares(&self, all: &[&Tensor<1>]) -> Vec<f64> {
        vectors::sums_of_squares(all)
    }

    fn adamw(
        &self,
        step: AdamW,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        [means, squares]: [Tensor<1>; 2],
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let (mut weights, gradient) = (Lent::new(weights), Lent::new(gradient));
        let (mut means, mut squares) = (Lent::new(means), Lent::new(squares));
        vectors::adamw(
            step,
            weights.values_mut(),
            gradient.values(),
            means.values_mut(),
            squares.values_mut(),
        );
        self.gradients.give_back(gradient.into_values());
        (weights.back(), [means.back(), squares.back()])
    }

    fn recycle(&self, tensor: Tensor<2>) {
        drop(Lent::unshared(tensor));
    }
}

/// The place of rows that are `width` numbers each.
fn scaled(rows: &Range<usize>, width: usize) -> Range<usize> {
    rows.start * width..rows.end * width
}
