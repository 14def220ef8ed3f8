//! InternLM3: LLaMA with other names for its switches, as transformers computes it.

use super::llama;
use crate::config::{Defaults, Fields, decoder};
use crate::{Biases, ConfigError, DecoderSpec};

const DEFAULTS: Defaults =
    Defaults { positions: 32_768, kv_heads: Some(2), head_dim: Some(128), eps: 1e-5, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let flag = |new: &str, old: &str| -> Result<bool, ConfigError> {
        Ok(fields.flag(old)?.or(fields.flag(new)?).unwrap_or(false))
    };
    let bias = flag("attention_bias", "qkv_bias")?;
    let mlp_bias = flag("mlp_bias", "bias")?;
    if bias != mlp_bias {
        // So does transformers, whose class has one switch for queries, keys, values, and outputs.
        return Err(ConfigError::unsupported("qkv_bias", bias, &format!("that of `bias`, {mlp_bias}")));
    }
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.mlp.bias = bias;
    }
    Ok(spec)
}
