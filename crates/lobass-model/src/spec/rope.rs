//! Rotary position embedding.

use std::fmt;

/// How rotary frequencies are stretched to contexts longer than those of pretraining.
///
/// Source: `modeling_rope_utils.py` of transformers 5.24, `_compute_*_parameters`.
#[derive(Debug, Clone, PartialEq)]
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
    /// `LongRoPE` (arXiv 2402.13753): each frequency divided by a factor, which depends on whether the sequence is longer
    /// than those of pretraining, and a temperature on cos and sin.
    Longrope {
        /// Divisors in sequences that are not longer, one for each pair.
        short: Vec<f64>,
        /// Divisors in longer ones, one for each pair.
        long: Vec<f64>,
        /// Multiplies cos and sin.
        attention_factor: f64,
        /// Context length of pretraining.
        original_max_position_embeddings: f64,
    },
    /// Gemma 4: only the first pairs turn, with the frequencies that they have where all of them do.
    Proportional {
        /// How many pairs turn.
        turned_pairs: usize,
        /// Divides frequencies.
        factor: f64,
    },
}

/// A rotary position embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeSpec {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// How many values of a head are turned, in pairs: the first ones. The others stay as they are.
    pub width: usize,
    /// Longest sequence the model was made for.
    pub max_positions: usize,
    /// How frequencies are stretched.
    pub scaling: RopeScaling,
    /// How cosines and sines grow with the position; mostly they do not.
    pub growth: Option<Growth>,
}

/// A factor of cosines and sines that grows with the position: `1 + beta ln(1 + floor(position / every))`.
///
/// Source: `get_llama_4_attn_scale` of `modeling_ministral3.py` in transformers 5.24.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// How fast it grows.
    pub beta: f64,
    /// After how many positions it grows.
    pub every: f64,
}

impl Growth {
    /// The factor at a position.
    pub(crate) fn at(self, position: usize) -> f64 {
        1.0 + self.beta * (1.0 + (position as f64 / self.every).floor()).ln()
    }
}

impl fmt::Display for RopeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "theta {}, {:?}", self.theta, self.scaling)?;
        self.growth.map_or(Ok(()), |growth| write!(f, ", {growth:?}"))
    }
}

impl RopeSpec {
    /// The length of a sequence beyond which its angles depend on its length; `None` if they never do.
    pub(crate) fn length_dependent_beyond(&self) -> Option<usize> {
        match self.scaling {
            RopeScaling::Dynamic { .. } => Some(self.max_positions),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a length is positive, and a fraction of a token changes nothing"
            )]
            RopeScaling::Longrope { original_max_position_embeddings: original, .. } => {
                Some(original as usize)
            }
            _ => None,
        }
    }
}
