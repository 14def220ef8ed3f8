//! The `rope_scaling` / `rope_parameters` part of a config.

use serde_json::{Map, Value};

use super::fields::{Fields, Said, brief};
use super::{ConfigError, Family};
use crate::Finding;

/// How rotary frequencies are stretched to contexts longer than those of pretraining.
///
/// Source: `modeling_rope_utils.py` of transformers 5.24, `_compute_*_parameters`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Frequencies as they are.
    Default,
    /// All frequencies divided by `factor`.
    Linear {
        /// By how much the context is stretched.
        factor: f64,
    },
    /// NTK-aware: the base grows with sequences longer than the configured maximum.
    Dynamic {
        /// By how much the context is stretched.
        factor: f64,
    },
    /// Llama 3.1: long wavelengths divided by `factor`, short ones kept, a smooth step between.
    Llama3 {
        /// By how much the context is stretched.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` are stretched.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Context length of pretraining.
        original_max_position_embeddings: f64,
    },
    /// YaRN (arXiv 2309.00071): a linear ramp between kept and stretched, and a temperature on cos and sin.
    Yarn {
        /// By how much the context is stretched.
        factor: f64,
        /// Multiplies cos and sin.
        attention_factor: f64,
        /// Rotations above which a frequency is kept.
        beta_fast: f64,
        /// Rotations below which a frequency is stretched.
        beta_slow: f64,
        /// Whether the ramp's ends are rounded outwards to whole dimensions.
        truncate: bool,
        /// Context length of pretraining.
        original_max_position_embeddings: f64,
    },
}

/// Rotary position embedding as configured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeConfig {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// How frequencies are stretched.
    pub scaling: RopeScaling,
}

/// Settings outside of the rotary ones that these depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    pub(super) family: Family,
    pub(super) max_position_embeddings: usize,
    pub(super) head_dim: usize,
}

/// Reads the rotary settings of a config, and what is odd about them.
///
/// `rope_scaling` (transformers 4) replaces `rope_parameters` (transformers 5) as a whole where both say something.
///
/// Source: `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict` of transformers 5.24.
pub(super) fn read(root: Fields<'_>, around: Around) -> Result<(RopeConfig, Vec<Finding>), ConfigError> {
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
    let config = used.config()?;
    let mut findings = used.unread(config.scaling);
    if let Some(replaced) = replaced
        && replaced.and_then(|settings| settings.config()).ok() != Some(config)
    {
        let theta = config.theta.to_string();
        findings.push(Finding::RopeReplaced { theta });
    }
    Ok((config, findings))
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
        let flat = Self { fields: Fields::within(name, map), root, around, nested: false };
        let mut entries = map.iter().filter_map(|(kind, value)| Some((kind, value.as_object()?)));
        let Some((_, first)) = entries.next() else { return Ok(flat) };
        let unsupported = |kind: &str, expected: &str| Err(ConfigError::unsupported(name, kind, expected));
        if let Some((other, _)) = entries.find(|(_, entry)| *entry != first) {
            return unsupported(other, "one set of parameters for all layers");
        }
        let inner = Self { fields: Fields::within(name, first), nested: true, ..flat };
        // Classes without kinds of layers take what stands beside the entries.
        let flat_counts = matches!(around.family, Family::Llama | Family::Mistral);
        match flat_counts && flat.config()? != inner.config()? {
            true => unsupported(
                "parameters for kinds of layers",
                "one set of parameters, since transformers ignores such entries in this family",
            ),
            false => Ok(inner),
        }
    }

    fn config(&self) -> Result<RopeConfig, ConfigError> {
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
            None => self.root.positive("rope_theta")?.unwrap_or(self.around.family.default_theta()),
        };
        Ok(RopeConfig { theta, scaling: self.scaling(theta)? })
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
            "dynamic" if self.around.head_dim <= 2 => {
                Err(ConfigError::invalid("head_dim", self.around.head_dim, "above 2 with dynamic scaling"))
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
        let stretch = self.around.max_position_embeddings as f64 / original;
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
            truncate: self.fields.value("truncate").is_none_or(is_true),
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
            Some(beside) => beside,
            None => self.fields.positive(NAME)?.unwrap_or(self.around.max_position_embeddings as f64),
        })
    }

    fn required(&self, name: &str) -> Result<f64, ConfigError> {
        self.fields.positive(name)?.ok_or_else(|| ConfigError::missing(&self.fields.path(name)))
    }

    /// Fields that this kind of settings has no use for.
    fn unread(&self, scaling: RopeScaling) -> Vec<Finding> {
        let read: &[&str] = match scaling {
            RopeScaling::Default => &[],
            RopeScaling::Linear { .. } | RopeScaling::Dynamic { .. } => &["factor"],
            RopeScaling::Llama3 { .. } => {
                &["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"]
            }
            RopeScaling::Yarn { .. } => &[
                "factor",
                "attention_factor",
                "beta_fast",
                "beta_slow",
                "mscale",
                "mscale_all_dim",
                "truncate",
                "original_max_position_embeddings",
            ],
        };
        let always = ["rope_type", "type", "rope_theta", "partial_rotary_factor", "mrope_section"];
        let unread = self.fields.iter().filter(|(name, value)| {
            !always.contains(name) && !read.contains(name) && super::unread::says_something(value)
        });
        let finding = |(name, value): (&str, &Value)| Finding::UnreadField {
            field: self.fields.path(name),
            value: brief(value),
        };
        unread.map(finding).collect()
    }
}

/// Whether Python takes a value for true.
fn is_true(value: &Value) -> bool {
    super::unread::says_something(value)
}
