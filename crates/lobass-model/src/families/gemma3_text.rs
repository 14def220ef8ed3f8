//! Gemma 3, the text model: norms of heads, and another rotary base in layers with a window.

use super::gemma2::{self, Caps, complete};
use crate::config::rope::{Kinds, read_kinds};
use crate::config::{Defaults, Fields, decoder_with, types};
use crate::{ConfigError, DecoderSpec, QkNorm};

const DEFAULTS: Defaults = Defaults { positions: 131_072, ..gemma2::FAMILY };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let kinds = Kinds { full: 1_000_000.0, sliding: 10_000.0, sliding_field: "rope_local_base_freq" };
    let mut spec =
        decoder_with(fields, name, DEFAULTS, |around| Ok(read_kinds(fields, around, kinds)?.into()))?;
    let n_layers = spec.layers.len();
    fields.knows(&["sliding_window_pattern"]);
    let slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        None => pattern(fields, n_layers, 6)?,
    };
    complete(fields, &mut spec, &slides, Caps { scores: None, logits: None })?;
    for (layer, slides) in spec.layers.iter_mut().zip(slides) {
        // Transformers reads the cap of scores, and uses it in Gemma 2 only.
        layer.attention.cap = None;
        layer.attention.rope = Some(usize::from(slides));
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
    }
    Ok(spec)
}

/// All layers slide but each one whose number, counted from 1, is a multiple of `sliding_window_pattern`.
pub(super) fn pattern(fields: Fields<'_>, n_layers: usize, default: usize) -> Result<Vec<bool>, ConfigError> {
    const NAME: &str = "sliding_window_pattern";
    match fields.count(NAME)?.value().unwrap_or(default) {
        0 => Err(ConfigError::invalid(NAME, 0, "a positive number")),
        every => Ok((1..=n_layers).map(|layer| !layer.is_multiple_of(every)).collect()),
    }
}
