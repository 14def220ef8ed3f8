//! GLM-4 of 2025: norms on both sides, under other names; heads turned in part, with rotary pairs as neighbors in files;
//! gate and up in one tensor.

use super::ernie4_5::turn_neighbors;
use super::llama;
use crate::config::{Defaults, Fields, decoder};
use crate::{Biases, ConfigError, DecoderSpec, Placement};

const DEFAULTS: Defaults = Defaults {
    positions: 131_072,
    kv_heads: Some(2),
    head_dim: Some(128),
    eps: 1.5625e-7,
    partial: Some(0.5),
    ..llama::DEFAULTS
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(true);
    for layer in &mut spec.layers {
        layer.placement = Placement::Around;
        layer.attention.biases = Biases { inputs: bias, output: false };
    }
    turn_neighbors(&mut spec);
    let of_layer = |name: &str| format!("model.layers.*.{name}");
    let names = std::mem::take(&mut spec.names);
    spec.names = names
        .renamed(&of_layer("post_self_attn_layernorm"), &of_layer("post_attention_layernorm"))
        .renamed(&of_layer("post_attention_layernorm"), &of_layer("pre_feedforward_layernorm"))
        .renamed(&of_layer("post_mlp_layernorm"), &of_layer("post_feedforward_layernorm"))
        .fused(&of_layer("mlp.gate_up_proj"), &[&of_layer("mlp.gate_proj"), &of_layer("mlp.up_proj")]);
    Ok(spec)
}
