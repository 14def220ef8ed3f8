//! ERNIE 4.5, dense: rotary pairs are neighbors in files, and one switch is for all biases.

use super::llama;
use crate::config::{Defaults, Fields, decoder};
use crate::names::RotaryHead;
use crate::{Biases, ConfigError, DecoderSpec};

const DEFAULTS: Defaults = Defaults {
    positions: 131_072,
    kv_heads: Some(2),
    head_dim: Some(128),
    theta: 500_000.0,
    eps: 1e-5,
    tied: true,
    ..llama::DEFAULTS
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let bias = fields.flag("use_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.mlp.bias = bias;
    }
    turn_neighbors(&mut spec);
    Ok(spec)
}

/// Says that files have rotary pairs as neighbors.
pub(super) fn turn_neighbors(spec: &mut DecoderSpec) {
    let (width, rotary) = (spec.layers[0].attention.head_width, spec.ropes[0].width);
    let names = std::mem::take(&mut spec.names);
    spec.names = ["q_proj", "k_proj"].into_iter().fold(names, |names, projection| {
        let module = format!("model.layers.*.self_attn.{projection}");
        names.interleaved_rotary(&module, RotaryHead { width, rotary })
    });
}
