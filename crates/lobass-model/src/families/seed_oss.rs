//! Seed-OSS: a bias on the output of attention with a separate switch.

use super::llama;
use crate::config::{Defaults, Fields, decoder};
use crate::{Biases, ConfigError, DecoderSpec};

const DEFAULTS: Defaults =
    Defaults { positions: 524_288, kv_heads: Some(8), head_dim: Some(128), ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let inputs = fields.flag("attention_bias")?.unwrap_or(true);
    let output = fields.flag("attention_out_bias")?.unwrap_or(false);
    let mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs, output };
        layer.mlp.bias = mlp_bias;
    }
    Ok(spec)
}
