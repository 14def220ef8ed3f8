//! Mistral 7B and its kin: a window on all layers.

use super::llama;
use crate::config::{Defaults, Fields, decoder, window};
use crate::{ConfigError, DecoderSpec};

const DEFAULTS: Defaults = Defaults { positions: 131_072, kv_heads: Some(8), ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let window = window(fields, Some(4096))?;
    for layer in &mut spec.layers {
        layer.attention.window = window;
    }
    Ok(spec)
}
