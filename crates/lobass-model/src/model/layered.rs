//! Passes that can be differentiated and go through one layer at a time, so that many of them share the layers that are
//! read from disk.

use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::gradients::Gradients;
use super::layer::LayerTrace;
use super::pass::{Pass, TraceOptions};
use super::stream::{LayerRef, LayerStream, StreamedPass};
use crate::batch::Packed;

/// All layers of a model in order, and then in reverse. Of a model whose layers are read when they are needed, two are
/// in memory: this one, and the next.
#[derive(Debug)]
pub struct RoundTrip<'a> {
    model: &'a Decoder,
    stream: Option<StreamedPass<'a>>,
    /// Layers that were given out.
    n_given: usize,
}

/// A layer of a [`RoundTrip`].
#[derive(Debug)]
pub struct GivenLayer<'a>(LayerRef<'a>);

/// A pass that keeps the inputs of layers only, and runs each layer again for its gradients. The gradients have the bits
/// of [`Decoder::trace`] and [`Decoder::backward`].
#[derive(Debug)]
pub struct LayeredTrace<'a> {
    model: &'a Decoder,
    pass: Pass<'a>,
    /// The layers that are behind, each with its input.
    layers: Vec<LayerTrace>,
    /// What the last layer gave; on the way back, its gradient. `[rows, hidden]`.
    hidden: Tensor<2>,
}

impl Decoder {
    /// Begins a way through all layers and back. While one is under way, others wait for it at each layer.
    pub fn round_trip(&self) -> RoundTrip<'_> {
        let stream = self.model.stream.as_ref().map(LayerStream::round_trip);
        RoundTrip { model: self, stream, n_given: 0 }
    }

    /// Begins a pass that goes through one layer after the other.
    ///
    /// # Shapes
    /// - `packed`: every id below `vocab_size`
    pub fn layered<'a>(&'a self, packed: &'a Packed, dropout_seed: Option<u64>) -> LayeredTrace<'a> {
        let options = TraceOptions { recompute: true, dropout_seed };
        let pass = Pass::whole(self.ops(), &self.spec, packed, self.weight_dtype(), options);
        let hidden = self.model.embed_tokens.forward(pass.input_ids, pass.weights);
        let layers = Vec::with_capacity(self.spec.layers.len());
        LayeredTrace { model: self, pass, layers, hidden }
    }
}

impl RoundTrip<'_> {
    /// The next layer; `None` after the last one. The one before must have been dropped, so that its memory is free.
    pub fn next_layer(&mut self) -> Option<GivenLayer<'_>> {
        let (n_layers, place) = (self.model.spec.layers.len(), self.n_given);
        if place == 2 * n_layers {
            return None;
        }
        self.n_given += 1;
        let at = if place < n_layers { place } else { 2 * n_layers - 1 - place };
        Some(GivenLayer(self.model.model.layer(at, place, self.stream.as_mut())))
    }
}

impl LayeredTrace<'_> {
    /// Goes through the next layer, which must be `layer`.
    pub fn forward(&mut self, layer: &GivenLayer<'_>) {
        let hidden = self.take_hidden();
        let (output, trace) = layer.0.forward_traced(hidden, &self.pass);
        self.layers.push(trace);
        self.hidden = output;
    }

    /// The hidden states that the head reads, `[rows, hidden]`, after all layers.
    pub fn hidden_states(&mut self) -> Tensor<2> {
        let hidden = self.take_hidden();
        let (normed, hidden) = self.model.model.norm.forward(hidden, self.pass.ops);
        self.hidden = hidden;
        normed
    }

    /// Turns around after all layers, with the gradient of the hidden states. Adds the gradient of the last norm if it is
    /// trained.
    ///
    /// # Shapes
    /// - `d_hidden`: `[rows, hidden]`
    pub fn turn(&mut self, d_hidden: Tensor<2>, gradients: &mut Gradients) {
        let last = self.take_hidden();
        self.hidden = self.model.model.norm.backward(last, d_hidden, gradients, self.pass.ops);
    }

    /// Goes back through the layer before, which must be `layer`, and adds its gradients.
    ///
    /// # Panics
    /// If no layer is behind.
    pub fn backward(&mut self, layer: &GivenLayer<'_>, gradients: &mut Gradients) {
        let trace = self.layers.pop().expect("a layer is behind");
        let d_output = self.take_hidden();
        self.hidden = layer.0.backward(trace, d_output, &self.pass, gradients);
    }

    /// Ends the way back, and adds the gradient of the embedding if it is trained.
    pub fn end(self, gradients: &mut Gradients) {
        let Self { model, pass, hidden, .. } = self;
        model.model.embed_tokens.backward(pass.input_ids, hidden, pass.weights, gradients);
    }

    /// Takes the hidden states out, since those that nobody shares are changed in place.
    fn take_hidden(&mut self) -> Tensor<2> {
        let nothing = Tensor::empty([0, 0], &self.pass.ops.device());
        std::mem::replace(&mut self.hidden, nothing)
    }
}
