//! The whole model: backbone and head.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use lobass_core::{Arithmetic, Dtype};

use super::backbone::{Backbone, BackboneTrace};
use super::gradients::Gradients;
use super::layer::DecoderLayer;
use super::linear::Linear;
use super::parts::parts;
use super::pass::{Pass, TraceOptions};
use super::source::{RandomSource, Scope, WeightSource};
use super::stream::LayerStream;
use crate::DecoderSpec;
use crate::batch::Packed;
use crate::ops::{Compute, Ops};

/// A decoder-only language model.
///
/// Clones share their weights.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(super) model: Backbone,
    /// `None` when the head is the embedding.
    pub(super) lm_head: Option<Linear>,
    #[module(skip)]
    pub(super) spec: DecoderSpec,
    #[module(skip)]
    pub(super) compute: Compute,
}

parts!(Decoder: model, lm_head);

/// A forward pass that can be differentiated.
#[derive(Debug)]
pub struct Trace<'a> {
    pass: Pass<'a>,
    backbone: BackboneTrace,
}

impl Decoder {
    /// Builds the model from a source of weights.
    ///
    /// # Errors
    /// Whatever the source returns for a tensor it cannot give.
    pub fn from_source<S: WeightSource>(spec: &DecoderSpec, source: &mut S) -> Result<Self, S::Error> {
        let mut root = Scope::root(source);
        let model = Backbone::load(&mut root.child("model"), spec)?;
        let lm_head = match spec.tied {
            true => None,
            false => {
                Some(Linear::load(&mut root.child("lm_head"), spec.vocab_size, spec.hidden_size, false)?)
            }
        };
        let compute = Compute::of(&model.device());
        Ok(Self { model, lm_head, spec: spec.clone(), compute })
    }

    /// Reads a layer of a model from a source of weights.
    ///
    /// # Errors
    /// Whatever the source returns for a tensor it cannot give.
    pub(crate) fn layer_from_source<S: WeightSource>(
        spec: &DecoderSpec,
        source: &mut S,
        at: usize,
    ) -> Result<DecoderLayer, S::Error> {
        let mut root = Scope::root(source);
        let mut model = root.child("model");
        DecoderLayer::load(&mut model.child("layers").child(at), spec.hidden_size, &spec.layers[at])
    }

    /// Takes the weights of layers from a stream.
    #[must_use]
    pub(crate) fn with_stream(mut self, stream: LayerStream) -> Self {
        self.model.stream = Some(stream);
        self
    }

    /// Whether the layers of both models are read when they are needed, and from one stream: those of a base and its
    /// adapters are.
    pub fn shares_layers_with(&self, other: &Self) -> bool {
        let streams = self.model.stream.as_ref().zip(other.model.stream.as_ref());
        streams.is_some_and(|(one, other)| one.is(other))
    }

    /// How often a layer was read, of a model whose layers are read when they are needed. Models that share them share
    /// the number.
    pub fn n_layers_read(&self) -> u64 {
        self.model.stream.as_ref().map_or(0, LayerStream::n_read)
    }

    /// Whether layers are read when they are needed. [`Decoder::layered`] gives gradients of such a model.
    pub fn is_streamed(&self) -> bool {
        self.model.stream.is_some()
    }

    /// Makes a model with fresh `f32` weights: matrices normal with `initializer_range` of the description, norms one, and
    /// biases zero, as transformers initializes LLaMA. The same seed gives the same weights on every device.
    pub fn random(spec: &DecoderSpec, seed: u64, device: &Device) -> Self {
        let mut source = RandomSource::new(seed, spec.initializer_range, device);
        match Self::from_source(spec, &mut source) {
            Ok(model) => model,
            Err(never) => match never {},
        }
    }

    /// The description of the model.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.model.device()
    }

    /// How it computes there.
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The model with the number format of products in training: those of [`Decoder::trace`], of the head, and of both
    /// backward passes. In bf16, both sides are rounded to it where they meet, and sums are `f32`, as are weights and
    /// everything else. `None` if the device computes none in this format: bf16 is one of the processor's.
    ///
    /// Source: the rules of `torch.autocast("cpu", torch.bfloat16)`, without its rounding of results.
    #[must_use]
    pub fn with_products(mut self, products: Dtype) -> Option<Self> {
        self.compute = Compute::with_products(&self.device(), products)?;
        Some(self)
    }

    /// The model with another arithmetic of products with weights in bf16, on the processor.
    #[must_use]
    pub(crate) fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.compute = Compute::with_arithmetic(arithmetic);
        self
    }

    pub(super) fn ops(&self) -> &dyn Ops {
        self.compute.ops()
    }

    /// The model with tensor operations, on any device.
    #[cfg(test)]
    pub(crate) fn on_tensors(mut self) -> Self {
        self.compute = Compute::on_tensors(&self.device());
        self
    }

    /// No gradients, to which those of passes are added.
    pub fn gradients(&self) -> Gradients {
        Gradients::new(self.compute.clone())
    }

    /// The number format that projections are held in; that of a head loaded in half precision is `f32`.
    pub fn weight_dtype(&self) -> DType {
        self.model.layers.first().map_or(DType::F32, super::layer::DecoderLayer::weight_dtype)
    }

    /// The hidden state after the last norm: what the head reads.
    ///
    /// # Shapes
    /// - `packed`: every id below `vocab_size`
    /// - returns: `[rows, hidden]`, `f32`
    ///
    /// Source: `LlamaModel.forward` and its siblings in transformers 5.23.
    pub fn hidden_states(&self, packed: &Packed) -> Tensor<2> {
        let rows: Vec<usize> = (0..packed.n_rows()).collect();
        self.hidden_states_of(packed, &rows)
    }

    /// Some rows of [`Decoder::hidden_states`]. The last layer computes no others.
    ///
    /// On the processor a row is the same to the bit whatever else is packed, asked for, or shared. Where weights are
    /// bf16, activations are rounded to it before each product (with `f32` sums), and nowhere else.
    ///
    /// # Shapes
    /// - `packed`: every id below `vocab_size`
    /// - `rows`: ascending
    /// - returns: `[asked, hidden]`, `f32`
    ///
    /// # Panics
    /// If there are no rows, or if they are not ascending.
    pub fn hidden_states_of(&self, packed: &Packed, rows: &[usize]) -> Tensor<2> {
        let [hidden] = Self::hidden_states_of_each([self], packed, rows);
        hidden
    }

    /// [`Decoder::hidden_states_of`] under several models, whose layers are read once for all of them.
    ///
    /// # Panics
    /// As [`Decoder::hidden_states_of`], and if the models do not share their layers.
    pub fn hidden_states_of_each<const N: usize>(
        models: [&Self; N],
        packed: &Packed,
        rows: &[usize],
    ) -> [Tensor<2>; N] {
        assert!(rows.is_sorted_by(|a, b| a < b), "rows ascend");
        let first = models[0];
        assert!(models[1..].iter().all(|other| first.shares_layers_with(other)), "layers are shared");
        let parts = Pass::parts(first.ops(), &first.spec, packed, first.weight_dtype(), rows);
        Backbone::forward_each(models.map(|model| &model.model), &parts, first.ops())
    }

    /// [`Decoder::hidden_states`], keeping the values for [`Decoder::backward`].
    ///
    /// # Panics
    /// If layers are read when they are needed: [`Decoder::layered`] is for these.
    pub fn trace<'a>(&'a self, packed: &'a Packed, options: TraceOptions) -> (Tensor<2>, Trace<'a>) {
        let pass = Pass::whole(self.ops(), &self.spec, packed, self.weight_dtype(), options);
        let (hidden, backbone) = self.model.forward_traced(&pass);
        (hidden, Trace { pass, backbone })
    }

    /// Adds the gradients of every trained parameter below the head, given that of the hidden states.
    ///
    /// # Shapes
    /// - `d_hidden`: `[rows, hidden]`
    pub fn backward(&self, trace: Trace<'_>, d_hidden: Tensor<2>, gradients: &mut Gradients) {
        let Trace { pass, backbone } = trace;
        self.model.backward(backbone, d_hidden, &pass, gradients);
    }
}
