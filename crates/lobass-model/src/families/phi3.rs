//! Phi-3, Phi-3.5, Phi-4, and Phi-4-mini: fused projections, `LongRoPE`, and heads that may be turned in part.

use super::llama;
use crate::config::rope::{self, Around};
use crate::config::{Defaults, Fields, decoder_with, window};
use crate::{ConfigError, DecoderSpec};

const DEFAULTS: Defaults = Defaults { positions: 4096, eps: 1e-5, partial: Some(1.0), ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    // The class has this field, so that it counts more than the one in the rotary settings even where a config lacks it.
    let of_class = (fields.value("original_max_position_embeddings").is_none()).then_some(4096.0);
    let mut spec = decoder_with(fields, name, DEFAULTS, |around| {
        let aliases = &[("su", "longrope"), ("yarn", "longrope")];
        Ok(vec![rope::read(fields, Around { aliases, original: of_class, ..around })?])
    })?;
    let window = window(fields, None)?;
    for layer in &mut spec.layers {
        layer.attention.window = window;
    }
    let of_layer = |name: &str| format!("model.layers.*.{name}");
    let attention = ["q_proj", "k_proj", "v_proj"].map(|name| of_layer(&format!("self_attn.{name}")));
    let mlp = ["gate_proj", "up_proj"].map(|name| of_layer(&format!("mlp.{name}")));
    let names = std::mem::take(&mut spec.names);
    spec.names = names
        .fused(&of_layer("self_attn.qkv_proj"), &attention.each_ref().map(String::as_str))
        .fused(&of_layer("mlp.gate_up_proj"), &mlp.each_ref().map(String::as_str));
    Ok(spec)
}
