//! How rotary settings stretch frequencies.

use super::settings::Settings;
use crate::RopeScaling;
use crate::config::ConfigError;
use crate::config::fields::brief;
use crate::config::unread::says_something;

/// The context length of pretraining.
pub(super) const ORIGINAL: &str = "original_max_position_embeddings";

impl Settings<'_> {
    /// The scaling of an embedding with this base that turns `width` values.
    pub(super) fn scaling(&self, theta: f64, width: usize) -> Result<RopeScaling, ConfigError> {
        match self.kind()? {
            // The sections of `mrope` differ in images only: for text all of them have the same positions.
            "default" | "mrope" => Ok(RopeScaling::Default),
            "linear" => Ok(RopeScaling::Linear { factor: self.required("factor")? }),
            "dynamic" if width <= 2 => {
                Err(ConfigError::invalid("head_dim", width, "above 2 with dynamic scaling"))
            }
            "dynamic" => Ok(RopeScaling::Dynamic { factor: self.required("factor")? }),
            "llama3" => self.llama3(),
            "yarn" => self.yarn(theta),
            "longrope" => self.longrope(width),
            "proportional" if self.around.has_proportional => self.proportional(width),
            other => Err(ConfigError::unsupported(
                &self.fields.path("rope_type"),
                other,
                "default, linear, dynamic, llama3, yarn, or longrope",
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
    pub(super) fn original(&self) -> Result<f64, ConfigError> {
        let beside = if self.nested { None } else { self.root.positive(ORIGINAL)?.or(self.around.original) };
        Ok(match beside {
            Some(beside) => {
                self.fields.knows(&[ORIGINAL]);
                beside
            }
            None => self.fields.positive(ORIGINAL)?.unwrap_or(self.around.max_positions as f64),
        })
    }

    pub(super) fn required(&self, name: &str) -> Result<f64, ConfigError> {
        self.fields.positive(name)?.ok_or_else(|| ConfigError::missing(&self.fields.path(name)))
    }

    /// The factor of cosines and sines is that of the paper, if the settings have none.
    ///
    /// Source: `_compute_longrope_parameters` of transformers 5.24.
    fn longrope(&self, width: usize) -> Result<RopeScaling, ConfigError> {
        let original = self.original()?;
        let (short, long) = (self.divisors("short_factor", width)?, self.divisors("long_factor", width)?);
        let stretch = self.around.max_positions as f64 / original;
        let factor = self.fields.positive("factor")?.unwrap_or(stretch);
        let attention_factor = match self.fields.number("attention_factor")? {
            Some(given) => given,
            None if factor <= 1.0 => 1.0,
            None => (1.0 + factor.ln() / original.ln()).sqrt(),
        };
        Ok(RopeScaling::Longrope {
            short,
            long,
            attention_factor,
            original_max_position_embeddings: original,
        })
    }

    /// Source: `_compute_proportional_rope_parameters` of transformers 5.24.
    fn proportional(&self, width: usize) -> Result<RopeScaling, ConfigError> {
        const PART: &str = "partial_rotary_factor";
        let part = self.fields.number(PART)?.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&part) {
            return Err(ConfigError::invalid(&self.fields.path(PART), part, "a number from 0 to 1"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "as in the reference, the part is rounded down"
        )]
        let turned_pairs = (part * width as f64 / 2.0) as usize;
        let factor = self.fields.positive("factor")?.unwrap_or(1.0);
        Ok(RopeScaling::Proportional { turned_pairs, factor })
    }

    /// A list with a divisor for each pair.
    fn divisors(&self, name: &str, width: usize) -> Result<Vec<f64>, ConfigError> {
        let path = self.fields.path(name);
        let list = self.fields.list(name)?.ok_or_else(|| ConfigError::missing(&path))?;
        let expected = format!("{} numbers above 0, one for each pair that is turned", width / 2);
        if list.len() != width / 2 {
            return Err(ConfigError::invalid(&path, format!("{} entries", list.len()), expected));
        }
        let divisor = |value: &serde_json::Value| {
            let number = value.as_f64().filter(|number| *number > 0.0);
            number.ok_or_else(|| ConfigError::invalid(&path, brief(value), &expected))
        };
        list.iter().map(divisor).collect()
    }
}
