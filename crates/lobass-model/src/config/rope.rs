//! The `rope_scaling` / `rope_parameters` part of a config.

use serde_json::{Map, Value};

use super::ConfigError;
use super::fields::{Fields, Said, brief};
use super::unread::says_something;
use crate::{Finding, RopeScaling, RopeSpec};

/// Settings outside of the rotary ones that these depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// The base of configs that leave it out.
    pub(crate) theta: f64,
    pub(crate) max_positions: usize,
    pub(crate) head_width: usize,
    /// Whether the family's class in transformers knows kinds of layers; the others ignore entries for them.
    pub(crate) has_kinds: bool,
}

/// Reads the rotary settings of a config, and what is odd about them.
///
/// `rope_scaling` (transformers 4) replaces `rope_parameters` (transformers 5) as a whole where both say something.
///
/// Source: `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict` of transformers 5.24.
pub(crate) fn read(root: Fields<'_>, around: Around) -> Result<RopeSpec, ConfigError> {
    root.knows(&["rope_theta", "partial_rotary_factor"]);
    let said = |name: &'static str| -> Result<Option<Settings<'_>>, ConfigError> {
        let map = root.object(name)?.filter(|map| !map.is_empty());
        map.map(|map| Settings::new(root, name, map, around)).transpose()
    };
    // What does not count may be wrong.
    let (old, new) = (said("rope_scaling")?, said("rope_parameters").transpose());
    let empty = Map::new();
    let (used, replaced) = match (old, new) {
        (Some(old), new) => (old, new),
        (None, Some(new)) => (new?, None),
        (None, None) => (Settings::new(root, "rope_scaling", &empty, around)?, None),
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

/// One set of rotary settings, and what stands around it.
#[derive(Debug, Clone, Copy)]
struct Settings<'a> {
    fields: Fields<'a>,
    root: Fields<'a>,
    around: Around,
    /// Entries for kinds of layers, all the same, of which the settings are one.
    nested: bool,
}

impl<'a> Settings<'a> {
    fn new(
        root: Fields<'a>,
        name: &'a str,
        map: &'a Map<String, Value>,
        around: Around,
    ) -> Result<Self, ConfigError> {
        let flat = Self { fields: root.within(name, map), root, around, nested: false };
        let mut entries = map.iter().filter_map(|(kind, value)| Some((kind, value.as_object()?)));
        let Some((_, first)) = entries.next() else { return Ok(flat) };
        let unsupported = |kind: &str, expected: &str| Err(ConfigError::unsupported(name, kind, expected));
        if let Some((other, _)) = entries.find(|(_, entry)| *entry != first) {
            return unsupported(other, "one set of parameters for all layers");
        }
        let inner = Self { fields: root.within(name, first), nested: true, ..flat };
        // Classes without kinds of layers take what stands beside the entries.
        match !around.has_kinds && flat.rope()? != inner.rope()? {
            true => unsupported(
                "parameters for kinds of layers",
                "one set of parameters, since transformers ignores such entries in this family",
            ),
            false => Ok(inner),
        }
    }

    fn rope(&self) -> Result<RopeSpec, ConfigError> {
        let partial = self
            .fields
            .number("partial_rotary_factor")?
            .or(self.root.number("partial_rotary_factor")?)
            .filter(|&partial| partial != 1.0);
        if let Some(partial) = partial {
            return Err(ConfigError::unsupported("partial_rotary_factor", partial, "1.0"));
        }
        let theta = match self.fields.positive("rope_theta")? {
            Some(theta) => theta,
            None => self.root.positive("rope_theta")?.unwrap_or(self.around.theta),
        };
        let Around { max_positions, head_width: width, .. } = self.around;
        Ok(RopeSpec { theta, width, max_positions, scaling: self.scaling(theta)? })
    }

    fn kind(&self) -> Result<&'a str, ConfigError> {
        let name = if self.fields.value("rope_type").is_some() { "rope_type" } else { "type" };
        match self.fields.text(name)? {
            Said::Value(kind) => Ok(kind),
            Said::LeftOut => Ok("default"),
            Said::Null => Err(ConfigError::invalid(&self.fields.path(name), "null", "a text")),
        }
    }

    fn scaling(&self, theta: f64) -> Result<RopeScaling, ConfigError> {
        match self.kind()? {
            // The sections of `mrope` differ in images only: for text all of them have the same positions.
            "default" | "mrope" => Ok(RopeScaling::Default),
            "linear" => Ok(RopeScaling::Linear { factor: self.required("factor")? }),
            "dynamic" if self.around.head_width <= 2 => {
                Err(ConfigError::invalid("head_dim", self.around.head_width, "above 2 with dynamic scaling"))
            }
            "dynamic" => Ok(RopeScaling::Dynamic { factor: self.required("factor")? }),
            "llama3" => self.llama3(),
            "yarn" => self.yarn(theta),
            other => Err(ConfigError::unsupported(
                &self.fields.path("rope_type"),
                other,
                "default, linear, dynamic, llama3, or yarn",
            )),
        }
    }

    fn llama3(&self) -> Result<RopeScaling, ConfigError> {
        let (low, high) = (self.required("low_freq_factor")?, self.required("high_freq_factor")?);
        if high < low {
            let path = self.fields.path("high_freq_factor");
            return Err(ConfigError::invalid(&path, high, format!("at least low_freq_factor, {low}")));
        }
        Ok(RopeScaling::Llama3 {
            factor: self.required("factor")?,
            low_freq_factor: low,
            high_freq_factor: high,
            original_max_position_embeddings: self.original()?,
        })
    }

    fn yarn(&self, theta: f64) -> Result<RopeScaling, ConfigError> {
        if theta == 1.0 {
            return Err(ConfigError::invalid("rope_theta", theta, "another number than 1 with yarn"));
        }
        let original = self.original()?;
        let stretch = self.around.max_positions as f64 / original;
        let factor = self.fields.positive("factor")?.unwrap_or(stretch);
        let mscale = |weight: f64| if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 };
        let attention_factor = match (
            self.fields.number("attention_factor")?,
            self.fields.number("mscale")?.filter(|&weight| weight != 0.0),
            self.fields.number("mscale_all_dim")?.filter(|&weight| weight != 0.0),
        ) {
            (Some(given), ..) => given,
            (None, Some(weight), Some(all_dim)) => mscale(weight) / mscale(all_dim),
            (None, ..) => mscale(1.0),
        };
        Ok(RopeScaling::Yarn {
            factor,
            attention_factor,
            beta_fast: self.beta("beta_fast", 32.0)?,
            beta_slow: self.beta("beta_slow", 1.0)?,
            truncate: self.fields.value("truncate").is_none_or(says_something),
            original_max_position_embeddings: original,
        })
    }

    /// Zero means the default, as null does.
    fn beta(&self, name: &str, default: f64) -> Result<f64, ConfigError> {
        match self.fields.number(name)? {
            Some(0.0) | None => Ok(default),
            Some(_) => Ok(self.fields.positive(name)?.unwrap_or(default)),
        }
    }

    /// The context length of pretraining. What stands beside the settings counts more than what stands in them.
    ///
    /// Source: `RotaryEmbeddingConfigMixin.standardize_rope_params` of transformers 5.24.
    fn original(&self) -> Result<f64, ConfigError> {
        const NAME: &str = "original_max_position_embeddings";
        let beside = if self.nested { None } else { self.root.positive(NAME)? };
        Ok(match beside {
            Some(beside) => {
                self.fields.knows(&[NAME]);
                beside
            }
            None => self.fields.positive(NAME)?.unwrap_or(self.around.max_positions as f64),
        })
    }

    fn required(&self, name: &str) -> Result<f64, ConfigError> {
        self.fields.positive(name)?.ok_or_else(|| ConfigError::missing(&self.fields.path(name)))
    }

    /// Notes the fields that this kind of settings has no use for.
    fn note_unread(&self) {
        self.fields.knows(&["rope_type", "type", "rope_theta", "partial_rotary_factor", "mrope_section"]);
        for (name, value) in self.fields.iter() {
            if !self.fields.is_read(name) && says_something(value) {
                let (field, value) = (self.fields.path(name), brief(value));
                self.fields.note(Finding::UnreadField { field, value });
            }
        }
    }
}
