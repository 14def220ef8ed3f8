//! EXAONE 4: norms after attention and MLP, and over heads; where some layers slide, only those rotate.

use super::gemma3_text::pattern;
use super::llama;
use crate::config::{Defaults, Fields, Said, decoder, types, windows_of};
use crate::{ConfigError, DecoderSpec, Placement, QkNorm};

const DEFAULTS: Defaults = Defaults { kv_heads: Some(32), eps: 1e-5, has_kinds: true, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let n_layers = spec.layers.len();
    fields.knows(&["sliding_window_pattern"]);
    let is_whole = matches!(fields.count("sliding_window")?, Said::Null);
    let slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        // transformers divides by the pattern, which is zero without a window.
        None if is_whole => return Err(ConfigError::missing("layer_types")),
        None => pattern(fields, n_layers, 4)?,
    };
    let windows = windows_of(fields, &slides, Some(4096))?;
    for ((layer, window), slides) in spec.layers.iter_mut().zip(windows).zip(slides) {
        layer.placement = Placement::After;
        layer.attention.window = window;
        layer.attention.rope = (is_whole || slides).then_some(0);
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
    }
    Ok(spec)
}
