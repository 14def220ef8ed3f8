//! `config.json` as it is written: every field optional, names as in the file.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The fields of a LLaMA-family `config.json` that change what the model computes.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RawConfig {
    pub(super) model_type: Option<String>,
    pub(super) vocab_size: Option<usize>,
    pub(super) hidden_size: Option<usize>,
    pub(super) intermediate_size: Option<usize>,
    pub(super) num_hidden_layers: Option<usize>,
    pub(super) num_attention_heads: Option<usize>,
    pub(super) num_key_value_heads: Option<usize>,
    pub(super) head_dim: Option<usize>,
    pub(super) hidden_act: Option<String>,
    pub(super) max_position_embeddings: Option<usize>,
    pub(super) initializer_range: Option<f64>,
    pub(super) rms_norm_eps: Option<f64>,
    pub(super) tie_word_embeddings: Option<bool>,
    pub(super) attention_bias: Option<bool>,
    pub(super) mlp_bias: Option<bool>,
    pub(super) rope_theta: Option<f64>,
    /// Transformers 4: `{"type" | "rope_type": .., "factor": ..}`.
    pub(super) rope_scaling: Option<Map<String, Value>>,
    /// Transformers 5: the same with `rope_theta` inside.
    pub(super) rope_parameters: Option<Map<String, Value>>,
    pub(super) partial_rotary_factor: Option<f64>,
    #[serde(default)]
    pub(super) sliding_window: Window,
    pub(super) use_sliding_window: Option<bool>,
    pub(super) max_window_layers: Option<usize>,
    pub(super) layer_types: Option<Vec<String>>,
    pub(super) no_rope_layers: Option<Vec<u8>>,
    pub(super) no_rope_layer_interval: Option<usize>,
    pub(super) quantization_config: Option<Value>,
    pub(super) bos_token_id: Option<Value>,
    pub(super) eos_token_id: Option<Value>,
}

/// A sliding window as it is written: left out and null mean different things.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Window {
    #[default]
    LeftOut,
    Null,
    Tokens(usize),
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(value)?.map_or(Self::Null, Self::Tokens))
    }
}
