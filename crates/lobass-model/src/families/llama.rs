//! Llama 1 to 3, SmolLM 1 and 2, TinyLlama, and all others that say `"model_type": "llama"`.

use crate::config::{Defaults, Fields, decoder};
use crate::{Activation, Biases, ConfigError, DecoderSpec};

/// The defaults of `LlamaConfig`.
pub(super) const DEFAULTS: Defaults = Defaults {
    positions: 2048,
    kv_heads: None,
    head_dim: None,
    theta: 10_000.0,
    eps_field: "rms_norm_eps",
    eps: 1e-6,
    activation: ("hidden_act", Activation::Silu),
    intermediate: None,
    tied: false,
    has_kinds: false,
    has_layer_configs: false,
    partial: None,
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.mlp.bias = mlp_bias;
    }
    Ok(spec)
}
