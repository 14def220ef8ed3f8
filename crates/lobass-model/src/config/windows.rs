//! Which layers have a sliding window.

use serde_json::Value;

use super::ConfigError;
use super::fields::{Fields, Said, brief};

/// How a family says which layers slide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sliding {
    /// `sliding_window` of configs that leave it out.
    pub(crate) default: Option<usize>,
    /// Whether the class takes the window away where `use_sliding_window` is off; others look at `layer_types` alone.
    pub(crate) needs_switch: bool,
}

/// The window of each layer: `layer_types` decides or, where it is left out and `use_sliding_window` is on, the rule of
/// the family.
pub(crate) fn windows(
    fields: Fields<'_>,
    n_layers: usize,
    sliding: Sliding,
    rule: impl Fn(usize) -> bool,
) -> Result<Vec<Option<usize>>, ConfigError> {
    fields.knows(&["sliding_window", "use_sliding_window", "layer_types"]);
    let slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        None => {
            let is_on = fields.flag("use_sliding_window")?.unwrap_or(false)
                && said(fields, sliding.default)?.is_some();
            (0..n_layers).map(|layer| is_on && rule(layer)).collect()
        }
    };
    if !slides.contains(&true) {
        return Ok(vec![None; n_layers]);
    }
    let switched_off = sliding.needs_switch && !fields.flag("use_sliding_window")?.unwrap_or(false);
    let Some(window) = window(fields, sliding.default)?.filter(|_| !switched_off) else {
        let found = if switched_off { "`use_sliding_window` is false" } else { "no window" };
        let expected = "a window, since `layer_types` has sliding_attention";
        return Err(ConfigError::invalid("sliding_window", found, expected));
    };
    Ok(slides.into_iter().map(|slides| slides.then_some(window)).collect())
}

/// `sliding_window`, for layers that slide; `None` if the config says null.
pub(crate) fn window(fields: Fields<'_>, default: Option<usize>) -> Result<Option<usize>, ConfigError> {
    match said(fields, default)? {
        Some(0) => Err(ConfigError::invalid("sliding_window", 0, "a positive number, or null for no window")),
        window => Ok(window),
    }
}

fn said(fields: Fields<'_>, default: Option<usize>) -> Result<Option<usize>, ConfigError> {
    Ok(match fields.count("sliding_window")? {
        Said::LeftOut => default,
        Said::Null => None,
        Said::Value(tokens) => Some(tokens),
    })
}

/// Which layers slide, as `layer_types` says; `None` if it is left out.
pub(crate) fn types(fields: Fields<'_>, n_layers: usize) -> Result<Option<Vec<bool>>, ConfigError> {
    fields.list("layer_types")?.map(|types| by_types(types, n_layers)).transpose()
}

/// The windows of layers of which some slide, whatever switches say.
pub(crate) fn windows_of(
    fields: Fields<'_>,
    slides: &[bool],
    default: Option<usize>,
) -> Result<Vec<Option<usize>>, ConfigError> {
    fields.knows(&["sliding_window"]);
    if !slides.contains(&true) {
        return Ok(vec![None; slides.len()]);
    }
    let window = window(fields, default)?.ok_or_else(|| {
        let expected = "a window, since `layer_types` has sliding_attention";
        ConfigError::invalid("sliding_window", "no window", expected)
    })?;
    Ok(slides.iter().map(|slides| slides.then_some(window)).collect())
}

fn by_types(types: &[Value], n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    if types.len() != n_layers {
        let (found, expected) =
            (format!("{} entries", types.len()), format!("{n_layers} entries, one for each layer"));
        return Err(ConfigError::invalid("layer_types", found, expected));
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
