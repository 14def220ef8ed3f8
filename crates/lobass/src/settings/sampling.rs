//! Settings of samples.

use lobass_core::Sampling;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How samples are drawn. The defaults draw from the model's own distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplingSettings {
    /// Samples of each prompt.
    pub samples: u32,
    /// What logits are divided by; 0 takes the most likely token every time.
    pub temperature: f64,
    /// The share of the probability that is drawn from; 1 draws from all tokens.
    pub top_p: f64,
    /// The most tokens of a sample.
    pub max_new_tokens: u32,
    /// The seed of all draws.
    pub seed: u64,
}

impl Default for SamplingSettings {
    fn default() -> Self {
        Self { samples: 1, temperature: 1.0, top_p: 1.0, max_new_tokens: 256, seed: 0 }
    }
}

impl SamplingSettings {
    /// How samples are drawn, with the tokens that end them.
    ///
    /// # Errors
    /// If the settings draw nothing, or the same sample several times.
    pub fn with_stops(&self, stop_ids: Vec<u32>) -> Result<Sampling> {
        let Self { samples, temperature, top_p, max_new_tokens, seed } = *self;
        let sampling = Sampling { samples, temperature, top_p, max_new_tokens, seed, stop_ids };
        sampling.check().map_err(Error::Settings)?;
        Ok(sampling)
    }
}
