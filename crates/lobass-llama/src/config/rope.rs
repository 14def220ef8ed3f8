//! The `rope_scaling` / `rope_parameters` part of a config.

use serde_json::{Map, Value};

use super::ConfigError;
use super::raw::RawConfig;

/// How rotary frequencies are stretched to contexts longer than those of pretraining.
///
/// Source: `modeling_rope_utils.py` of transformers 5.23, `_compute_*_parameters`.
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

impl RopeConfig {
    pub(super) fn from_raw(
        raw: &RawConfig,
        default_theta: f64,
        max_positions: usize,
    ) -> Result<Self, ConfigError> {
        let empty = Map::new();
        let (field, parameters) = match (&raw.rope_parameters, &raw.rope_scaling) {
            (Some(parameters), _) => ("rope_parameters", parameters),
            (None, Some(scaling)) => ("rope_scaling", scaling),
            (None, None) => ("rope_scaling", &empty),
        };
        let reader = Reader { field, parameters };
        let partial = reader.number("partial_rotary_factor")?.or(raw.partial_rotary_factor);
        if let Some(partial) = partial.filter(|&partial| partial != 1.0) {
            return Err(ConfigError::unsupported("partial_rotary_factor", partial, "1.0"));
        }
        let theta = reader.number("rope_theta")?.or(raw.rope_theta).unwrap_or(default_theta);
        Ok(Self { theta, scaling: reader.scaling(max_positions)? })
    }
}

struct Reader<'a> {
    field: &'static str,
    parameters: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn scaling(&self, max_positions: usize) -> Result<RopeScaling, ConfigError> {
        if let Some((layer_type, _)) = self.parameters.iter().find(|(_, value)| value.is_object()) {
            return Err(ConfigError::unsupported(
                self.field,
                layer_type,
                "one set of parameters for all layers",
            ));
        }
        let kind = self.parameters.get("rope_type").or_else(|| self.parameters.get("type"));
        match kind.and_then(Value::as_str).unwrap_or("default") {
            "default" => Ok(RopeScaling::Default),
            "linear" => Ok(RopeScaling::Linear { factor: self.required("factor")? }),
            "dynamic" => Ok(RopeScaling::Dynamic { factor: self.required("factor")? }),
            "llama3" => Ok(RopeScaling::Llama3 {
                factor: self.required("factor")?,
                low_freq_factor: self.required("low_freq_factor")?,
                high_freq_factor: self.required("high_freq_factor")?,
                original_max_position_embeddings: self.original(max_positions)?,
            }),
            "yarn" => self.yarn(max_positions),
            other => Err(ConfigError::unsupported(
                &format!("{}.rope_type", self.field),
                other,
                "default, linear, dynamic, llama3, or yarn",
            )),
        }
    }

    fn yarn(&self, max_positions: usize) -> Result<RopeScaling, ConfigError> {
        let original = self.original(max_positions)?;
        let factor = self.number("factor")?.unwrap_or(max_positions as f64 / original);
        let mscale = |weight: f64| if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 };
        let attention_factor = match (
            self.number("attention_factor")?,
            self.number("mscale")?.filter(|&weight| weight != 0.0),
            self.number("mscale_all_dim")?.filter(|&weight| weight != 0.0),
        ) {
            (Some(given), ..) => given,
            (None, Some(weight), Some(all_dim)) => mscale(weight) / mscale(all_dim),
            (None, ..) => mscale(1.0),
        };
        Ok(RopeScaling::Yarn {
            factor,
            attention_factor,
            beta_fast: self.number("beta_fast")?.filter(|&beta| beta != 0.0).unwrap_or(32.0),
            beta_slow: self.number("beta_slow")?.filter(|&beta| beta != 0.0).unwrap_or(1.0),
            truncate: self.parameters.get("truncate").and_then(Value::as_bool).unwrap_or(true),
            original_max_position_embeddings: original,
        })
    }

    fn original(&self, max_positions: usize) -> Result<f64, ConfigError> {
        Ok(self.number("original_max_position_embeddings")?.unwrap_or(max_positions as f64))
    }

    fn required(&self, name: &'static str) -> Result<f64, ConfigError> {
        self.number(name)?.ok_or_else(|| ConfigError::missing(&format!("{}.{name}", self.field)))
    }

    fn number(&self, name: &'static str) -> Result<Option<f64>, ConfigError> {
        match self.parameters.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| ConfigError::Invalid {
                field: format!("{}.{name}", self.field),
                found: value.to_string(),
                expected: "a number".to_owned(),
            }),
        }
    }
}
