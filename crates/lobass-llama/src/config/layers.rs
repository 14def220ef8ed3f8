//! What layers do differently from each other.

use super::raw::{RawConfig, Window};
use super::{ConfigError, Family};

/// What one layer does differently from its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// Position `q` sees position `k` only if `q - k` is below this.
    pub sliding_window: Option<usize>,
    /// Whether queries and keys are rotated.
    pub rotary: bool,
}

/// Which layers slide and which rotate, as each family's configuration class in transformers decides it.
pub(super) fn layers(
    family: Family,
    raw: &RawConfig,
    n_layers: usize,
) -> Result<Vec<LayerConfig>, ConfigError> {
    let window = match raw.sliding_window {
        Window::LeftOut => family.default_sliding_window(),
        Window::Null => None,
        Window::Tokens(tokens) => Some(tokens),
    };
    let window = match family {
        Family::Llama => None,
        Family::Mistral => window,
        Family::Qwen2 | Family::Qwen3 | Family::SmolLm3 => {
            window.filter(|_| raw.use_sliding_window.unwrap_or(false))
        }
    };
    let interval = raw.no_rope_layer_interval.unwrap_or(4);
    let rotary = |layer: usize| match (family, &raw.no_rope_layers) {
        (Family::SmolLm3, Some(flags)) => flags.get(layer).is_none_or(|&flag| flag != 0),
        (Family::SmolLm3, None) => interval == 0 || !(layer + 1).is_multiple_of(interval),
        _ => true,
    };
    let slides = |layer: usize| match (family, &raw.layer_types) {
        (Family::Llama, _) => Ok(false),
        (Family::Mistral, _) => Ok(true),
        (_, Some(types)) => match types.get(layer).map(String::as_str) {
            Some("sliding_attention") => Ok(true),
            Some("full_attention") => Ok(false),
            Some(other) => {
                Err(ConfigError::unsupported("layer_types", other, "full_attention or sliding_attention"))
            }
            None => Err(ConfigError::invalid("layer_types", types.len(), format!("{n_layers} entries"))),
        },
        (Family::SmolLm3, None) => Ok(!rotary(layer)),
        (_, None) => Ok(layer >= raw.max_window_layers.unwrap_or(28)),
    };
    (0..n_layers)
        .map(|layer| {
            let slides = slides(layer)?;
            Ok(LayerConfig { sliding_window: window.filter(|_| slides), rotary: rotary(layer) })
        })
        .collect()
}
