//! The `rope_scaling` / `rope_parameters` part of a config.

mod scaling;
mod settings;

use serde_json::{Map, Value};

use super::ConfigError;
use super::fields::Fields;
use crate::{Finding, RopeSpec};
use settings::Settings;

/// Settings outside of the rotary ones that these depend on.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "families differ in each of them alone")]
pub(crate) struct Around {
    /// The base of configs that leave it out.
    pub(crate) theta: f64,
    pub(crate) max_positions: usize,
    pub(crate) head_width: usize,
    /// Whether the family's class in transformers knows kinds of layers; the others ignore entries for them.
    pub(crate) has_kinds: bool,
    /// The part of a head that is turned where a config leaves it out; `None` where classes of transformers turn all of
    /// it whatever the config says.
    pub(crate) partial: Option<f64>,
    /// Other names of scalings.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    /// Whether `dynamic` scaling may have a fixed `alpha`.
    pub(crate) has_alpha: bool,
    /// Whether cosines and sines grow with the position.
    pub(crate) grows: bool,
    /// The context length of pretraining that counts where a config has none beside its rotary settings, even if these
    /// have one.
    pub(crate) original: Option<f64>,
    /// Whether scaling may be `proportional`, of which a partial factor is a part.
    pub(crate) has_proportional: bool,
    /// Settings that are read elsewhere.
    pub(crate) also: &'static [&'static str],
}

/// Rotary settings for kinds of layers, and where they are in configs of transformers 4.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kinds {
    /// The base in layers that see everything.
    pub(crate) full: f64,
    /// The base in layers with a window.
    pub(crate) sliding: f64,
    /// The field that has the base in layers with a window.
    pub(crate) sliding_field: &'static str,
}

/// Reads one set of rotary settings, for layers of a kind.
pub(crate) fn read_kind(
    root: Fields<'_>,
    name: &str,
    map: &Map<String, Value>,
    around: Around,
) -> Result<RopeSpec, ConfigError> {
    let settings = Settings::of_kind(root, name, map, around);
    let rope = settings.rope()?;
    settings.note_unread();
    Ok(rope)
}

/// Reads the rotary settings of layers that see everything, and of layers with a window.
///
/// Source: `convert_rope_params_to_dict` of `Gemma3TextConfig` and `Olmo3Config` in transformers 5.24.
pub(crate) fn read_kinds(
    root: Fields<'_>,
    around: Around,
    kinds: Kinds,
) -> Result<[RopeSpec; 2], ConfigError> {
    const FULL: &str = "full_attention";
    const SLIDING: &str = "sliding_attention";
    root.knows(&["rope_theta", kinds.sliding_field]);
    let empty = Map::new();
    let scaling = root.object("rope_scaling")?.unwrap_or(&empty);
    let parameters = root.object("rope_parameters")?.unwrap_or(&empty);
    if let Some((name, _)) = parameters.iter().find(|(_, value)| !value.is_object() && !value.is_null()) {
        let expected = format!("entries {FULL} and {SLIDING}");
        return Err(ConfigError::unsupported("rope_parameters", name, &expected));
    }
    let within = root.within("rope_parameters", parameters);
    let mut full = within.object(FULL)?.cloned().unwrap_or_default();
    if parameters.is_empty() {
        // The class begins with these, so that a scaling by the older name `type` has no effect.
        full.insert("rope_type".to_owned(), Value::from("default"));
    }
    let mut sliding = within.object(SLIDING)?.cloned().unwrap_or_default();
    full.extend(scaling.clone());
    let mut theta = root.positive("rope_theta")?;
    if full.get("rope_theta").is_none_or(Value::is_null) {
        // It counts once.
        full.insert("rope_theta".to_owned(), Value::from(theta.take().unwrap_or(kinds.full)));
    }
    if sliding.get("rope_theta").is_none_or(Value::is_null) {
        let said =
            if kinds.sliding_field == "rope_theta" { theta } else { root.positive(kinds.sliding_field)? };
        sliding.insert("rope_theta".to_owned(), Value::from(said.unwrap_or(kinds.sliding)));
    }
    Ok([
        read_kind(root, "rope_parameters.full_attention", &full, around)?,
        read_kind(root, "rope_parameters.sliding_attention", &sliding, around)?,
    ])
}

/// Reads the rotary settings of a config, and what is odd about them.
///
/// `rope_scaling` (transformers 4) replaces `rope_parameters` (transformers 5) as a whole where both say something.
///
/// Source: `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict` of transformers 5.24.
pub(crate) fn read(root: Fields<'_>, around: Around) -> Result<RopeSpec, ConfigError> {
    read_or(root, around, &Map::new())
}

/// [`read`], with settings for configs that have none.
pub(crate) fn read_or(
    root: Fields<'_>,
    around: Around,
    default: &Map<String, Value>,
) -> Result<RopeSpec, ConfigError> {
    root.knows(&["rope_theta", "partial_rotary_factor"]);
    let said = |name: &'static str| -> Result<Option<Settings<'_>>, ConfigError> {
        let map = root.object(name)?.filter(|map| !map.is_empty());
        map.map(|map| Settings::new(root, name, map, around)).transpose()
    };
    // What does not count may be wrong.
    let (old, new) = (said("rope_scaling")?, said("rope_parameters").transpose());
    let (used, replaced) = match (old, new) {
        (Some(old), new) => (old, new),
        (None, Some(new)) => (new?, None),
        (None, None) => (Settings::new(root, "rope_scaling", default, around)?, None),
    };
    let rope = used.rope()?;
    used.note_unread();
    if let Some(replaced) = replaced
        && replaced.and_then(|settings| settings.rope()).ok().as_ref() != Some(&rope)
    {
        root.note(Finding::RopeReplaced { theta: rope.theta.to_string() });
    }
    Ok(rope)
}
