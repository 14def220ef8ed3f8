//! The decoder as burn modules. Field names are the checkpoint's tensor names, so that a tensor list reads as a map
//! of this folder.
//!
//! Legend for shapes: `B` batch, `T` sequence, `H` query heads, `K` key-value heads, `D` head width.

mod attention;
mod decoder;
mod linear;
mod mlp;
mod norm;
mod rope;
mod source;
mod weights;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use decoder::Decoder;
use linear::Linear;
pub use source::WeightSource;
use source::{RandomSource, Scope};

use crate::LlamaConfig;

/// A LLaMA-family causal language model.
#[derive(Module, Debug)]
pub struct Llama {
    model: Decoder,
    /// `None` when the head is the embedding.
    lm_head: Option<Linear>,
    #[module(skip)]
    config: LlamaConfig,
}

impl Llama {
    /// Builds the model from a source of weights.
    ///
    /// # Errors
    /// Whatever the source returns for a tensor it cannot give.
    pub fn from_source<S: WeightSource>(config: &LlamaConfig, source: &mut S) -> Result<Self, S::Error> {
        let mut root = Scope::root(source);
        let model = Decoder::load(&mut root.child("model"), config)?;
        let lm_head = match config.tie_word_embeddings {
            true => None,
            false => {
                Some(Linear::load(&mut root.child("lm_head"), config.vocab_size, config.hidden_size, false)?)
            }
        };
        Ok(Self { model, lm_head, config: config.clone() })
    }

    /// Makes a model with fresh `f32` weights: matrices normal with the config's `initializer_range`, norms one, and
    /// biases zero, as transformers initialises LLaMA. The same seed gives the same weights on every device.
    pub fn random(config: &LlamaConfig, seed: u64, device: &Device) -> Self {
        let mut source = RandomSource::new(seed, config.initializer_range, device);
        match Self::from_source(config, &mut source) {
            Ok(model) => model,
            Err(never) => match never {},
        }
    }

    /// What the model computes.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.model.device()
    }

    /// The hidden state after the last norm: what the head reads.
    ///
    /// Attention is causal and knows no padding: a row shorter than the batch is padded on the right, where no real
    /// position looks.
    ///
    /// # Shapes
    /// - `input_ids`: `[batch, seq]`, every id below `vocab_size`
    /// - returns: `[batch, seq, hidden]`
    ///
    /// Source: `LlamaModel.forward` and its siblings in transformers 5.23.
    pub fn hidden_states(&self, input_ids: Tensor<2, Int>) -> Tensor<3> {
        self.model.forward(input_ids, &self.config)
    }

    /// Unnormalised log-probabilities of the next token for chosen rows of [`Llama::hidden_states`].
    ///
    /// # Shapes
    /// - `hidden`: `[rows, hidden]`
    /// - returns: `[rows, vocab]`, in the model's dtype
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        match &self.lm_head {
            Some(head) => head.forward(hidden),
            None => self.model.embed_tokens.as_head(hidden),
        }
    }
}
