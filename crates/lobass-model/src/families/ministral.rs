//! Ministral 8B of 2024: a window on the layers that `layer_types` names.

use super::llama;
use crate::config::{Defaults, Fields, decoder, types, window, windows_of};
use crate::{ConfigError, DecoderSpec};

const DEFAULTS: Defaults =
    Defaults { positions: 131_072, kv_heads: Some(8), has_kinds: true, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let n_layers = spec.layers.len();
    let slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        None => vec![window(fields, Some(4096))?.is_some(); n_layers],
    };
    let windows = windows_of(fields, &slides, Some(4096))?;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.attention.window = window;
    }
    Ok(spec)
}
