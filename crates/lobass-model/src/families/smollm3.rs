//! SmolLM3: some layers without a rotary embedding.

use serde_json::Value;

use super::llama;
use crate::config::{Defaults, Fields, Sliding, brief, decoder, windows};
use crate::{Biases, ConfigError, DecoderSpec};

const DEFAULTS: Defaults = Defaults {
    positions: 32_768,
    kv_heads: Some(4),
    theta: 2_000_000.0,
    tied: true,
    has_kinds: true,
    ..llama::DEFAULTS
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let n_layers = spec.layers.len();
    let rotary = rotary(fields, n_layers)?;
    let sliding = Sliding { default: None, needs_switch: false };
    let windows = windows(fields, n_layers, sliding, |layer| !rotary[layer])?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = fields.flag("mlp_bias")?.unwrap_or(false);
    for ((layer, rotary), window) in spec.layers.iter_mut().zip(rotary).zip(windows) {
        layer.attention.rope = rotary.then_some(0);
        layer.attention.window = window;
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.mlp.bias = mlp_bias;
    }
    Ok(spec)
}

/// Which layers rotate queries and keys.
fn rotary(fields: Fields<'_>, n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    fields.knows(&["no_rope_layers", "no_rope_layer_interval"]);
    let Some(flags) = fields.list("no_rope_layers")? else {
        let interval = fields.count("no_rope_layer_interval")?.value().unwrap_or(4);
        if interval == 0 {
            return Err(ConfigError::invalid("no_rope_layer_interval", 0, "a positive number"));
        }
        return Ok((1..=n_layers).map(|layer| !layer.is_multiple_of(interval)).collect());
    };
    if flags.len() < n_layers {
        let (found, expected) = (format!("{} entries", flags.len()), format!("{n_layers} entries"));
        return Err(ConfigError::invalid("no_rope_layers", found, expected));
    }
    let flag = |value: &Value| {
        let flag = value.as_i64().map(|number| number != 0).or(value.as_bool());
        flag.ok_or_else(|| ConfigError::invalid("no_rope_layers", brief(value), "1 or 0 for each layer"))
    };
    flags[..n_layers].iter().map(flag).collect()
}
