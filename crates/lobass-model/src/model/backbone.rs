//! Embedding, layers, and the last norm.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::embedding::Embedding;
use super::gradients::Gradients;
use super::layer::{DecoderLayer, LayerTrace};
use super::norm::Norm;
use super::parts::parts;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use super::stream::{LayerRef, LayerStream, StreamedPass};
use crate::DecoderSpec;
use crate::ops::{LayerLane, LayerPath, Ops};

#[derive(Module, Debug)]
pub(super) struct Backbone {
    pub(super) embed_tokens: Embedding,
    pub(super) layers: Vec<DecoderLayer>,
    pub(super) norm: Norm,
    /// Reads the weights of layers, if `layers` hold placeholders of matrices and the weights of an adapter.
    #[module(skip)]
    pub(super) stream: Option<LayerStream>,
}

parts!(Backbone: embed_tokens, layers, norm);

/// Values for the backward pass.
#[derive(Debug)]
pub(super) struct BackboneTrace {
    layers: Vec<LayerTrace>,
    /// Before the last norm, `[rows, hidden]`.
    last: Tensor<2>,
}

impl Backbone {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        spec: &DecoderSpec,
    ) -> Result<Self, S::Error> {
        let embed_tokens = Embedding::load(&mut scope.child("embed_tokens"), spec)?;
        let layers = spec
            .layers
            .iter()
            .enumerate()
            .map(|(at, layer)| {
                DecoderLayer::load(&mut scope.child("layers").child(at), spec.hidden_size, layer)
            })
            .collect::<Result<_, _>>()?;
        let norm = Norm::load(&mut scope.child("norm"), spec.hidden_size, spec.final_norm)?;
        Ok(Self { embed_tokens, layers, norm, stream: None })
    }

    pub(super) fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    /// Token ids to `[asked, hidden]` under each model. All parts go through one layer before the next layer. Temporary
    /// values are those of one part, and rows that many sequences share are computed once for all parts.
    ///
    /// All models go through one layer before the next, too. So a layer from disk is read once for models that share
    /// their stream of layers.
    pub(super) fn forward_each<const N: usize>(
        models: [&Self; N],
        parts: &[Pass<'_>],
        ops: &dyn Ops,
    ) -> [Tensor<2>; N] {
        let embedded = |model: &Self| -> Vec<Tensor<2>> {
            parts.iter().map(|part| model.embed_tokens.forward(part.input_ids, part.weights)).collect()
        };
        let mut hidden = models.map(embedded);
        let n_layers = models.first().map_or(0, |model| model.layers.len());
        let stream = models.first().and_then(|model| model.stream.as_ref());
        let mut stream = stream.map(LayerStream::pass);
        for at in 0..n_layers {
            let read = stream.as_mut().map(|pass| pass.layer(at));
            for (model, hidden) in models.into_iter().zip(&mut hidden) {
                let layer = model.updated(at, read.as_deref());
                let mut path = LayerPath::default();
                let through = |(hidden, part): (Tensor<2>, &Pass<'_>)| {
                    // What the last layer says of other rows nobody reads.
                    let asked = if at + 1 == n_layers { part.asked() } else { &part.all };
                    layer.forward(hidden, asked, &mut path, part)
                };
                *hidden = std::mem::take(hidden).into_iter().zip(parts).map(through).collect();
            }
        }
        drop(stream);
        let mut hidden = hidden.into_iter();
        models.map(|model| model.norm.forward(Tensor::cat(hidden.next().unwrap_or_default(), 0), ops).0)
    }

    /// Token ids that continue sequences to the hidden states of their last rows, `[sequences, hidden]`.
    ///
    /// - `lanes`: what each layer keeps of each sequence; it is brought up to the last row
    ///
    /// # Panics
    /// If layers are read when they are needed.
    pub(super) fn forward_on(&self, pass: &Pass<'_>, lanes: &mut [&mut Vec<LayerLane>]) -> Tensor<2> {
        assert!(self.stream.is_none(), "all layers are in memory");
        let mut hidden = self.embed_tokens.forward(pass.input_ids, pass.weights);
        let last = self.layers.len().saturating_sub(1);
        for (at, layer) in self.layers.iter().enumerate() {
            let of_layer = lanes.iter_mut().map(|lanes| std::mem::take(&mut lanes[at])).collect();
            let mut path = LayerPath::of_lanes(of_layer);
            let asked = if at == last { pass.asked() } else { &pass.all };
            hidden = layer.forward(hidden, asked, &mut path, pass);
            lanes.iter_mut().zip(path.into_lanes()).for_each(|(lanes, lane)| lanes[at] = lane);
        }
        self.norm.forward(hidden, pass.ops).0
    }

    /// A layer in memory, or the one that is read at a place of a pass.
    pub(super) fn layer(&self, at: usize, place: usize, pass: Option<&mut StreamedPass<'_>>) -> LayerRef<'_> {
        self.updated(at, pass.map(|pass| pass.layer(place)).as_deref())
    }

    /// A layer in memory, or one that was read with what is in memory of it.
    fn updated(&self, at: usize, read: Option<&DecoderLayer>) -> LayerRef<'_> {
        let held = &self.layers[at];
        match read {
            None => LayerRef::Held(held),
            Some(read) => LayerRef::Read(Box::new(read.with_updates_of(held))),
        }
    }

    /// All rows of a pass, keeping what the backward pass needs.
    ///
    /// # Panics
    /// If layers are read when they are needed.
    pub(super) fn forward_traced(&self, pass: &Pass<'_>) -> (Tensor<2>, BackboneTrace) {
        assert!(self.stream.is_none(), "all layers are in memory");
        let mut hidden = self.embed_tokens.forward(pass.input_ids, pass.weights);
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (output, trace) = layer.forward_traced(hidden, pass);
            layers.push(trace);
            hidden = output;
        }
        let (normed, last) = self.norm.forward(hidden, pass.ops);
        (normed, BackboneTrace { layers, last })
    }

    pub(super) fn backward(
        &self,
        trace: BackboneTrace,
        d_hidden: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) {
        let BackboneTrace { layers, last } = trace;
        let mut d_hidden = self.norm.backward(last, d_hidden, gradients, pass.ops);
        for (layer, trace) in self.layers.iter().zip(layers).rev() {
            d_hidden = layer.backward(trace, d_hidden, pass, gradients);
        }
        self.embed_tokens.backward(pass.input_ids, d_hidden, pass.weights, gradients);
    }
}
