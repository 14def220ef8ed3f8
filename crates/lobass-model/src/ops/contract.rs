//! The operations that an implementation has.

use std::fmt;
use std::ops::Range;

use burn::tensor::{DType, Device, IndexingUpdateOp, Tensor};
use lobass_kernels::{Activation, AdamW, DeltaHeads, Gate, LogitForm};

use super::attention::{AttentionInputs, AttentionOutput, Heads};
use super::dropout::Dropout;
use super::input::Input;
use super::linear::{DecayWeights, DeltaInputs, Shifts};
use super::logits::{HeadProducts, Logits};
use super::norm::{NormForm, NormGradients, NormWeights};
use super::path::{KeyPath, StatePath};
use super::tables::{DropoutMasks, Masks, Rotary, Tables};
use super::transfer::sent_tokens;
use crate::batch::Span;

/// How jobs on one model run beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// On threads, each of which does all the work of its job.
    Threads,
    /// One after the other: the device divides the work of each.
    OneByOne,
}

/// The operations of a decoder, forward and backward, on packed rows of one device.
///
/// On the processor, activations are `f32` between operations. Elsewhere they have the format in which
/// [`Ops::pack`] gives them to products. Then results have the format of the first input, and are computed in `f32` in
/// between; only products round in other places. Gradients, and the stream that residuals are added to, are `f32`.
///
/// Operations that only read a tensor may hand it back, so that its buffer is never copied.
pub(crate) trait Ops: fmt::Debug + Send + Sync {
    /// Where tensors are.
    fn device(&self) -> Device;

    /// How jobs run beside each other.
    fn concurrency(&self) -> Concurrency;

    /// How many rows go through a layer at once; `None` for all of a pass.
    fn rows_at_once(&self) -> Option<usize>;

    /// The number format in which a pass gives activations to products with weights of a format. A differentiable pass
    /// may be more exact.
    fn activation_dtype(&self, weights: DType, is_traced: bool) -> DType;

    /// Masks for attention of these heads: made once a pass, for all its spans and those with the requested queries.
    fn masks(&self, heads: Heads, all: &[Span], asked: &[Span], is_traced: bool) -> Masks;

    /// Prepares activations, `[rows, in]`, for products in `dtype`: on the processor, products round them to it where
    /// weights have that format; elsewhere they are in it from here on.
    fn pack(&self, x: Tensor<2>, dtype: DType) -> Input;

    /// Prepares hidden states, `[rows, hidden]`, for the product with a head whose weights have a format.
    fn pack_for_head(&self, x: Tensor<2>, _weights: DType) -> Input {
        self.pack(x, DType::F32)
    }

    /// `x w^T`: `[rows, in]` and `[out, in]` to `[rows, out]`. The weight has any float format. The product has that of
    /// the inputs if they have one in common, and is `f32` otherwise.
    fn product(&self, x: &Input, weight: &Tensor<2>) -> Tensor<2>;

    /// The products of one input with several weights.
    fn products(&self, x: &Input, weights: &[Tensor<2>]) -> Vec<Tensor<2>> {
        weights.iter().map(|weight| self.product(x, weight)).collect()
    }

    /// A weight in `f32`.
    fn widened(&self, weight: Tensor<2>) -> Tensor<2>;

    /// The gradient of [`Ops::product`] with respect to `x`, given that of the product: `d w`.
    fn product_backward(&self, d_output: &Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
        d_output.clone().matmul(self.widened(weight))
    }

    /// The gradient of [`Ops::product`] with respect to the weight, `[out, in]`: `d^T x`.
    fn weight_backward(&self, d_output: &Tensor<2>, x: &Tensor<2>) -> Tensor<2> {
        d_output.clone().transpose().matmul(x.clone().cast(DType::F32))
    }

    /// Normalizes rows, `[rows, width]`; returns them and what was given.
    ///
    /// Source: `LlamaRMSNorm` and its siblings in transformers 5.24, and `torch.nn.functional.layer_norm`.
    fn norm(&self, form: NormForm, x: Tensor<2>, weights: &NormWeights) -> (Tensor<2>, Tensor<2>);

    /// The gradients of [`Ops::norm`] with respect to `x` and, if wanted, to the weights.
    fn norm_backward(
        &self,
        form: NormForm,
        x: Tensor<2>,
        weights: &NormWeights,
        d_output: Tensor<2>,
        wants_weights: bool,
    ) -> NormGradients;

    /// Rotates the pairs `(i, i + R/2)` of every head, where `R` of its values are turned: `[rows, heads * D]` to the
    /// same.
    ///
    /// Source: `apply_rotary_pos_emb` of transformers 5.24.
    fn rotate(&self, x: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2>;

    /// The gradient of [`Ops::rotate`]: a rotation the other way.
    fn rotate_backward(&self, d_output: Tensor<2>, rows: &Tables, how: Rotary) -> Tensor<2>;

    /// What a gate lets through, and its inputs.
    fn gated(&self, how: Gate, gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>);

    /// The gradients of [`Ops::gated`] with respect to gate and up.
    fn gated_backward(
        &self,
        how: Gate,
        gate: Tensor<2>,
        up: Tensor<2>,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>);

    /// A function of each value, and the values.
    fn activated(&self, activation: Activation, x: Tensor<2>) -> (Tensor<2>, Tensor<2>);

    /// The gradient of [`Ops::activated`].
    fn activated_backward(&self, activation: Activation, x: Tensor<2>, d_output: Tensor<2>) -> Tensor<2>;

    /// `x + scale * y`, and `x`.
    fn residual(&self, x: Tensor<2>, y: Tensor<2>, scale: f32) -> (Tensor<2>, Tensor<2>);

    /// Inverted dropout; its own gradient. A device may keep the mask among `masks`.
    fn drop_out(&self, x: Tensor<2>, dropout: Dropout, masks: &DropoutMasks) -> Tensor<2>;

    /// Causal attention within each sequence, of the queries asked for.
    ///
    /// `path` holds the keys and values before those of this pass, if the pass is a part of a larger one. It is left
    /// with those that come before the next part. For whole passes it is empty.
    fn attention(
        &self,
        inputs: AttentionInputs,
        heads: Heads,
        all: &Tables,
        asked: &Tables,
        path: &mut KeyPath,
    ) -> (AttentionOutput, AttentionInputs);

    /// The gradients of [`Ops::attention`] with respect to its inputs, where all queries are asked for and no rows are
    /// shared.
    fn attention_backward(
        &self,
        inputs: AttentionInputs,
        output: AttentionOutput,
        d_context: Tensor<2>,
        heads: Heads,
        rows: &Tables,
    ) -> AttentionInputs;

    /// Which rows a convolution of this size reads: made once a pass, for all its spans.
    fn shifts(&self, size: usize, spans: &[Span], is_traced: bool) -> Shifts;

    /// The convolution of each channel with what comes before in its sequence, and its input: `[rows, channels]`, and a
    /// weight of `[channels, size]`. `path` holds the rows before those of this pass, as in [`Ops::attention`].
    ///
    /// Source: `causal_conv1d_fn` of `qwen3_next` in transformers 5.24, without its activation.
    fn convolved(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, Tensor<2>);

    /// The gradients of [`Ops::convolved`] with respect to `x` and the weight, where no rows are shared.
    fn convolved_backward(
        &self,
        x: Tensor<2>,
        weight: &Tensor<2>,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> (Tensor<2>, Tensor<2>);

    /// The logarithms of decays, `-exp(log_rate) softplus(x + bias)` for each head, in `f32`, and `x`: `[rows, heads]`.
    fn log_decays(&self, x: Tensor<2>, weights: &DecayWeights) -> (Tensor<2>, Tensor<2>);

    /// The gradients of [`Ops::log_decays`] with respect to `x` and the weights.
    fn log_decays_backward(
        &self,
        x: Tensor<2>,
        weights: &DecayWeights,
        d_output: Tensor<2>,
    ) -> (Tensor<2>, DecayWeights);

    /// What queries read from the memories of the gated delta rule, `[rows, values * value_width]`, and its inputs.
    /// `path` holds the memories before the rows of this pass, as in [`Ops::attention`].
    ///
    /// Source: `torch_chunk_gated_delta_rule` of `qwen3_next` in transformers 5.24, after its norms.
    fn delta_rule(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        rows: &Tables,
        path: &mut StatePath,
    ) -> (Tensor<2>, DeltaInputs);

    /// The gradients of [`Ops::delta_rule`] with respect to its inputs, where no rows are shared.
    fn delta_rule_backward(
        &self,
        inputs: DeltaInputs,
        heads: DeltaHeads,
        d_output: Tensor<2>,
        rows: &Tables,
    ) -> DeltaInputs;

    /// The values of a tensor, brought to the processor.
    fn values(&self, x: Tensor<2>) -> Vec<f32>;

    /// The values of vectors, one after the other, brought to the processor.
    fn joined(&self, vectors: Vec<Tensor<1>>) -> Vec<f32>;

    /// A matrix of values from the processor.
    fn matrix(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor<2>;

    /// Some rows of a matrix, `[any, width]` to `[rows, width]`.
    fn select_rows(&self, x: &Tensor<2>, rows: &[usize]) -> Tensor<2>;

    /// Adds `weight * y` to the rows of `sum` with these numbers, which must differ. Returns the sum and `y`.
    fn add_rows(
        &self,
        sum: Tensor<2>,
        rows: &[usize],
        weights: &[f32],
        y: Tensor<2>,
    ) -> (Tensor<2>, Tensor<2>);

    /// Adds rows to the gradient of a matrix, `[any, width]`, or to zeros of that shape: a row of `d_rows`, `[tokens,
    /// width]`, to the row of each token. Rows of the same token are summed first.
    fn added_by_token(
        &self,
        gradient: Option<Tensor<2>>,
        shape: [usize; 2],
        tokens: &[u32],
        d_rows: Tensor<2>,
    ) -> Tensor<2> {
        let device = self.device();
        let empty = Tensor::zeros(shape, &device);
        let more = empty.select_assign(0, sent_tokens(tokens, &device), d_rows, IndexingUpdateOp::Add);
        match gradient {
            None => more,
            Some(gradient) => gradient + more,
        }
    }

    /// `sum(x * y)` of each row, brought to the processor.
    fn row_dots(&self, x: &Tensor<2>, y: &Tensor<2>) -> Vec<f32>;

    /// Hands out the logits of some rows, some rows at a time.
    fn each_logits(
        &self,
        n_rows: usize,
        vocab: usize,
        head: HeadProducts<'_>,
        read: &mut dyn FnMut(Range<usize>, Logits<'_>),
    );

    /// The logits that products of a head count as.
    fn logits(&self, form: LogitForm, products: Tensor<2>) -> Tensor<2>;

    /// The gradient of [`Ops::logits`], given logits and their gradient.
    fn logits_backward(&self, form: LogitForm, logits: Tensor<2>, d_logits: Tensor<2>) -> Tensor<2>;

    /// The cross entropy of each label, and the gradient of `sum(seeds * losses)` with respect to the logits.
    fn cross_entropy_backward(
        &self,
        logits: Tensor<2>,
        labels: &[u32],
        seeds: &[f32],
    ) -> (Vec<f32>, Tensor<2>);

    /// The sum of both.
    fn added(&self, sum: Tensor<1>, more: Tensor<1>) -> Tensor<1>;

    /// The sum of squares of each.
    fn sums_of_squares(&self, all: &[&Tensor<1>]) -> Vec<f64>;

    /// One step of AdamW: weights, their gradient, and the means of gradients and of their squares, to weights and
    /// means.
    fn adamw(
        &self,
        step: AdamW,
        weights: Tensor<1>,
        gradient: Tensor<1>,
        means: [Tensor<1>; 2],
    ) -> (Tensor<1>, [Tensor<1>; 2]);

    /// Keeps the buffer of a tensor that is not needed any more, if it may be used again.
    fn recycle(&self, tensor: Tensor<2>);
}
