//! Qwen3: norms on the heads of queries and keys.

use super::qwen2;
use crate::config::{Defaults, Fields, decoder};
use crate::{Biases, ConfigError, DecoderSpec, QkNorm};

const DEFAULTS: Defaults = Defaults { head_dim: Some(128), ..qwen2::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    qwen2::slide(fields, &mut spec)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
        layer.attention.biases = Biases { inputs: bias, output: bias };
    }
    Ok(spec)
}
