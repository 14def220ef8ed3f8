//! The description of a decoder: what each part computes, with every default filled in. Modules read nothing else.
//!
//! [`crate::families`] makes it from a `config.json`.

mod attention;
mod embedding;
mod experts;
mod layer;
mod linear;
mod rope;

use crate::LogitForm;
use crate::names::NameRules;
pub use attention::{AttentionSpec, Biases, QkNorm};
pub use embedding::EmbeddingScale;
pub use experts::{ExpertsSpec, SharedExpertSpec};
pub use layer::{LayerSpec, MlpSpec, NormSpec, Placement};
pub use linear::LinearAttentionSpec;
pub use rope::{Growth, RopeScaling, RopeSpec};

/// A decoder-only language model.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderSpec {
    /// The family, as `model_type` of `config.json` names it.
    pub model_type: &'static str,
    /// Rows of the embedding; token ids are below this.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Longest sequence the model was made for.
    pub max_positions: usize,
    /// Standard deviation of freshly initialized weights.
    pub initializer_range: f64,
    /// Whether the head shares the embedding's weight.
    pub tied: bool,
    /// The layers, in order; there is at least one.
    pub layers: Vec<LayerSpec>,
    /// The norm before the head.
    pub final_norm: NormSpec,
    /// The factor of embeddings.
    pub embedding_scale: EmbeddingScale,
    /// What the products of the head count as.
    pub logits: LogitForm,
    /// Rotary embeddings, by their number in [`AttentionSpec::rope`].
    pub ropes: Vec<RopeSpec>,
    /// Beginning-of-sequence token, if the config names one.
    pub bos_token_id: Option<u32>,
    /// End-of-sequence tokens; possibly several, possibly none.
    pub eos_token_ids: Vec<u32>,
    /// How its files name and arrange its tensors.
    pub(crate) names: NameRules,
}

impl DecoderSpec {
    /// The number of rows beyond which the angles of a sequence depend on its length; `None` if they never do.
    pub fn length_dependent_beyond(&self) -> Option<usize> {
        self.ropes.iter().filter_map(RopeSpec::length_dependent_beyond).min()
    }

    /// Whether another description computes the same of the same weights. Names in files, and tokens that begin and end
    /// texts, may differ.
    pub fn computes_like(&self, other: &Self) -> bool {
        let Self { bos_token_id, eos_token_ids, names, .. } = self.clone();
        *self == Self { bos_token_id, eos_token_ids, names, ..other.clone() }
    }

    /// Settings that tell whether two models compute the same function of their weights: names as in `config.json`.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let first = &self.layers[0];
        vec![
            ("model_type", self.model_type.to_owned()),
            ("vocab_size", self.vocab_size.to_string()),
            ("hidden_size", self.hidden_size.to_string()),
            ("intermediate_size", first.mlp.width.to_string()),
            ("num_hidden_layers", self.layers.len().to_string()),
            ("num_attention_heads", first.attention.heads.to_string()),
            ("num_key_value_heads", first.attention.kv_heads.to_string()),
            ("head_dim", first.attention.head_width.to_string()),
            ("rope", self.ropes.iter().map(RopeSpec::to_string).collect::<Vec<_>>().join(", ")),
        ]
    }
}
