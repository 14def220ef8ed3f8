//! Differences between layers.

use serde_json::Value;

use super::fields::{Fields, Said, brief};
use super::{ConfigError, Family};

/// The properties of one layer that may differ from its neighbors'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// Position `q` sees position `k` only if `q - k` is below this.
    pub sliding_window: Option<usize>,
    /// Whether queries and keys are rotated.
    pub rotary: bool,
}

/// Which layers slide and which rotate, as each family's configuration class in transformers 5.24 decides it.
pub(super) fn layers(
    family: Family,
    fields: Fields<'_>,
    n_layers: usize,
) -> Result<Vec<LayerConfig>, ConfigError> {
    let rotary = rotary(family, fields, n_layers)?;
    let slides = slides(family, fields, &rotary)?;
    if !slides.contains(&true) {
        return Ok(rotary.into_iter().map(|rotary| LayerConfig { sliding_window: None, rotary }).collect());
    }
    let window = window(family, fields)?;
    let layer = |(rotary, slides)| LayerConfig { sliding_window: window.filter(|_| slides), rotary };
    Ok(rotary.into_iter().zip(slides).map(layer).collect())
}

/// Which layers rotate queries and keys.
fn rotary(family: Family, fields: Fields<'_>, n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    if family != Family::SmolLm3 {
        return Ok(vec![true; n_layers]);
    }
    let Some(flags) = fields.list("no_rope_layers")? else {
        let interval = fields.count("no_rope_layer_interval")?.value().unwrap_or(4);
        if interval == 0 {
            return Err(ConfigError::invalid("no_rope_layer_interval", 0, "a positive number"));
        }
        return Ok((1..=n_layers).map(|layer| !layer.is_multiple_of(interval)).collect());
    };
    if flags.len() < n_layers {
        return Err(ConfigError::invalid(
            "no_rope_layers",
            entries(flags.len()),
            format!("{n_layers} entries"),
        ));
    }
    let flag = |value: &Value| {
        let flag = value.as_i64().map(|number| number != 0).or(value.as_bool());
        flag.ok_or_else(|| ConfigError::invalid("no_rope_layers", brief(value), "1 or 0 for each layer"))
    };
    flags[..n_layers].iter().map(flag).collect()
}

/// Which layers have a sliding window.
fn slides(family: Family, fields: Fields<'_>, rotary: &[bool]) -> Result<Vec<bool>, ConfigError> {
    let n_layers = rotary.len();
    let off = || vec![false; n_layers];
    match family {
        Family::Llama => return Ok(off()),
        Family::Mistral => {
            let off = matches!(fields.count("sliding_window")?, Said::Null);
            return Ok(vec![!off; n_layers]);
        }
        Family::Qwen2 | Family::Qwen3 | Family::SmolLm3 => {}
    }
    if let Some(types) = fields.list("layer_types")? {
        return by_types(types, n_layers);
    }
    if !fields.flag("use_sliding_window")?.unwrap_or(false) || window_of(family, fields)?.is_none() {
        return Ok(off());
    }
    if family == Family::SmolLm3 {
        return Ok(rotary.iter().map(|rotary| !rotary).collect());
    }
    let first = fields.count("max_window_layers")?.value().unwrap_or(28);
    Ok((0..n_layers).map(|layer| layer >= first).collect())
}

fn by_types(types: &[Value], n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    if types.len() != n_layers {
        let expected = format!("{n_layers} entries, one for each layer");
        return Err(ConfigError::invalid("layer_types", entries(types.len()), expected));
    }
    let slides = |value: &Value| match value.as_str() {
        Some("sliding_attention") => Ok(true),
        // The second is how older files spell the first.
        Some("full_attention" | "attention") => Ok(false),
        _ => Err(ConfigError::unsupported(
            "layer_types",
            value.as_str().map_or_else(|| brief(value), str::to_owned),
            "full_attention or sliding_attention",
        )),
    };
    types.iter().map(slides).collect()
}

/// The window of the layers that slide; there is at least one.
fn window(family: Family, fields: Fields<'_>) -> Result<Option<usize>, ConfigError> {
    // Qwen's classes take the window away where it is switched off; SmolLM3's looks at `layer_types` alone.
    let switched_off = matches!(family, Family::Qwen2 | Family::Qwen3)
        && !fields.flag("use_sliding_window")?.unwrap_or(false);
    match window_of(family, fields)?.filter(|_| !switched_off) {
        Some(0) => Err(ConfigError::invalid("sliding_window", 0, "a positive number, or null for no window")),
        Some(window) => Ok(Some(window)),
        None => {
            let found = if switched_off { "`use_sliding_window` is false" } else { "no window" };
            Err(ConfigError::invalid(
                "sliding_window",
                found,
                "a window, since `layer_types` has sliding_attention",
            ))
        }
    }
}

fn window_of(family: Family, fields: Fields<'_>) -> Result<Option<usize>, ConfigError> {
    Ok(match fields.count("sliding_window")? {
        Said::LeftOut => family.default_sliding_window(),
        Said::Null => None,
        Said::Value(tokens) => Some(tokens),
    })
}

fn entries(count: usize) -> String {
    format!("{count} entries")
}
