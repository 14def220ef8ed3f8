//! OLMo 3: OLMo 2 with a window in three of four layers, and a stretched rotary embedding in the others.

use super::olmo2;
use crate::config::rope::{Kinds, read_kinds};
use crate::config::{Defaults, Fields, decoder_with, types, windows_of};
use crate::{ConfigError, DecoderSpec};

const DEFAULTS: Defaults = Defaults { has_kinds: true, ..olmo2::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let kinds = Kinds { full: 500_000.0, sliding: 500_000.0, sliding_field: "rope_theta" };
    let mut spec =
        decoder_with(fields, name, DEFAULTS, |around| Ok(read_kinds(fields, around, kinds)?.into()))?;
    olmo2::complete(fields, &mut spec)?;
    let n_layers = spec.layers.len();
    let three_of_four = || (1..=n_layers).map(|layer| !layer.is_multiple_of(4)).collect();
    let slides = types(fields, n_layers)?.unwrap_or_else(three_of_four);
    let windows = windows_of(fields, &slides, Some(4096))?;
    for ((layer, window), slides) in spec.layers.iter_mut().zip(windows).zip(slides) {
        layer.attention.window = window;
        layer.attention.rope = Some(usize::from(slides));
    }
    Ok(spec)
}
