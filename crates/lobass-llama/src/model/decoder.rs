//! Embedding, layers, and the last norm.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::embedding::Embedding;
use super::layer::{DecoderLayer, LayerTrace};
use super::norm::RmsNorm;
use super::source::{Scope, WeightSource};
use super::{Gradients, Pass};
use crate::LlamaConfig;

#[derive(Module, Debug)]
pub(super) struct Decoder {
    pub(super) embed_tokens: Embedding,
    pub(super) layers: Vec<DecoderLayer>,
    pub(super) norm: RmsNorm,
}

/// What the backward pass needs.
#[derive(Debug)]
pub(super) struct DecoderTrace {
    layers: Vec<LayerTrace>,
    /// Before the last norm, `[rows, hidden]`.
    last: Tensor<2>,
}

impl Decoder {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        config: &LlamaConfig,
    ) -> Result<Self, S::Error> {
        let embed_tokens = Embedding::load(&mut scope.child("embed_tokens"), config)?;
        let layers = config
            .layers
            .iter()
            .enumerate()
            .map(|(at, &layer)| DecoderLayer::load(&mut scope.child("layers").child(at), config, layer))
            .collect::<Result<_, _>>()?;
        let norm = RmsNorm::load(&mut scope.child("norm"), config.hidden_size, config.rms_norm_eps)?;
        Ok(Self { embed_tokens, layers, norm })
    }

    pub(super) fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    /// Token ids to `[rows, hidden]`.
    pub(super) fn forward(&self, pass: &Pass<'_>) -> Tensor<2> {
        let hidden = self.embed_tokens.forward(pass.packed.input_ids());
        let hidden = self.layers.iter().fold(hidden, |hidden, layer| layer.forward(hidden, pass));
        self.norm.forward(hidden).0
    }

    /// As [`Decoder::forward`], keeping what the backward pass needs.
    pub(super) fn forward_traced(&self, pass: &Pass<'_>) -> (Tensor<2>, DecoderTrace) {
        let mut hidden = self.embed_tokens.forward(pass.packed.input_ids());
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (output, trace) = layer.forward_traced(hidden, pass);
            layers.push(trace);
            hidden = output;
        }
        let (normed, last) = self.norm.forward(hidden);
        (normed, DecoderTrace { layers, last })
    }

    pub(super) fn backward(
        &self,
        trace: DecoderTrace,
        d_hidden: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) {
        let DecoderTrace { layers, last } = trace;
        let mut d_hidden = self.norm.backward(last, d_hidden, gradients);
        for (layer, trace) in self.layers.iter().zip(layers).rev() {
            d_hidden = layer.backward(trace, d_hidden, pass, gradients);
        }
        self.embed_tokens.backward(pass.packed.input_ids(), d_hidden, gradients);
    }
}
