//! Qwen3-MoE: experts, and norms on the heads of queries and keys.

use super::qwen2;
use super::qwen2_moe::{ExpertDefaults, put_experts, with_stacks};
use crate::config::{Defaults, Fields, decoder, window};
use crate::{Biases, ConfigError, DecoderSpec, QkNorm};

const DEFAULTS: Defaults = Defaults { kv_heads: Some(4), has_kinds: false, ..qwen2::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    // All layers slide, or none does.
    let window = match fields.flag("use_sliding_window")?.unwrap_or(false) {
        true => window(fields, Some(4096))?,
        false => None,
    };
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.window = window;
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
        layer.attention.biases = Biases { inputs: bias, output: bias };
    }
    let defaults = ExpertDefaults { count: 128, chosen: 8, width: 768, is_normalized: false };
    put_experts(fields, &mut spec, &["num_experts", "num_local_experts"], defaults, None)?;
    spec.names = with_stacks(spec.names);
    Ok(spec)
}
