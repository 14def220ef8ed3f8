//! Hunyuan, dense: norms of heads after the rotation, and a rotary base that a fixed `alpha` stretches.

use super::llama;
use crate::config::rope::{self, Around};
use crate::config::{Defaults, Fields, decoder_with};
use crate::{Biases, ConfigError, DecoderSpec, QkNorm};

const DEFAULTS: Defaults = Defaults { eps: 1e-5, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder_with(fields, name, DEFAULTS, |around| {
        Ok(vec![rope::read(fields, Around { has_alpha: true, ..around })?])
    })?;
    // The end of a document is a token like others.
    fields.knows(&["eod_token_id"]);
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: true });
        layer.attention.biases = Biases { inputs: bias, output: bias };
    }
    let of_heads = |name: &str| format!("model.layers.*.self_attn.{name}");
    let names = std::mem::take(&mut spec.names);
    spec.names = names
        .renamed(&of_heads("query_layernorm"), &of_heads("q_norm"))
        .renamed(&of_heads("key_layernorm"), &of_heads("k_norm"));
    Ok(spec)
}
