//! Qwen2 and Qwen2.5: biases on queries, keys, and values.

use super::llama;
use crate::config::{Defaults, Fields, Sliding, decoder, windows};
use crate::{Biases, ConfigError, DecoderSpec};

/// The defaults of `Qwen2Config`.
pub(super) const DEFAULTS: Defaults =
    Defaults { positions: 32_768, kv_heads: Some(32), has_kinds: true, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    slide(fields, &mut spec)?;
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs: true, output: false };
    }
    Ok(spec)
}

/// Gives layers their windows: those from `max_window_layers` on, if `layer_types` says nothing else.
pub(super) fn slide(fields: Fields<'_>, spec: &mut DecoderSpec) -> Result<(), ConfigError> {
    let first = fields.count("max_window_layers")?.value().unwrap_or(28);
    let sliding = Sliding { default: Some(4096), needs_switch: true };
    let windows = windows(fields, spec.layers.len(), sliding, |layer| layer >= first)?;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.attention.window = window;
    }
    Ok(())
}
