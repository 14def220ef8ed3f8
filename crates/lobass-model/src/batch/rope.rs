//! Rotary position embedding in the rotate-half layout of Hugging Face checkpoints.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::{RopeScaling, RopeSpec};

/// Cosines and sines for every row of some packed sequences.
#[derive(Debug, Clone)]
pub(crate) struct RopeTables {
    /// `[rows, D/2]`.
    cos: Vec<f32>,
    /// `[rows, D/2]`.
    sin: Vec<f32>,
    width: usize,
}

impl RopeTables {
    /// The angles at some places, each with the length of the sequence that they are in.
    pub(super) fn new(rope: &RopeSpec, places: impl IntoIterator<Item = (Range<usize>, usize)>) -> Self {
        let mut tables = Self { cos: Vec::new(), sin: Vec::new(), width: rope.width };
        // Frequencies depend on the length only where the scaling says so.
        let mut known: Option<(usize, (Vec<f32>, f64))> = None;
        let dynamic = matches!(rope.scaling, RopeScaling::Dynamic { .. });
        for (positions, length) in places {
            if known.as_ref().is_none_or(|(of, _)| dynamic && *of != length) {
                known = Some((length, inverse_frequencies(rope, length)));
            }
            if let Some((_, (frequencies, factor))) = &known {
                tables.push(positions, frequencies, *factor);
            }
        }
        tables
    }

    #[expect(clippy::cast_possible_truncation, reason = "as in the reference, angles are f32")]
    fn push(&mut self, positions: Range<usize>, frequencies: &[f32], factor: f64) {
        for position in positions {
            for frequency in frequencies {
                let (sin, cos) = (position as f32 * frequency).sin_cos();
                self.cos.push(cos * factor as f32);
                self.sin.push(sin * factor as f32);
            }
        }
    }

    /// Cosines and sines, `[rows, D/2]` each.
    pub(crate) fn into_values(self) -> (Vec<f32>, Vec<f32>) {
        (self.cos, self.sin)
    }

    /// The width of a head, `D`.
    pub(crate) fn width(&self) -> usize {
        self.width
    }
}

/// The `D/2` inverse frequencies, in radians per position, and the factor on cos and sin.
///
/// Source: `_compute_*_parameters` in `modeling_rope_utils.py` of transformers 5.23. The reference works in f32 from
/// the power on; so does this, in the same order.
fn inverse_frequencies(rope: &RopeSpec, seq_len: usize) -> (Vec<f32>, f64) {
    let dim = rope.width;
    let plain = |theta: f64| series(theta, dim).map(|power| 1.0 / power).collect::<Vec<f32>>();
    let theta = rope.theta;
    match rope.scaling {
        RopeScaling::Default => (plain(theta), 1.0),
        RopeScaling::Linear { factor } => {
            #[expect(clippy::cast_possible_truncation, reason = "as in the reference, frequencies are f32")]
            let scaled = plain(theta).into_iter().map(|frequency| frequency / factor as f32).collect();
            (scaled, 1.0)
        }
        RopeScaling::Dynamic { factor } => {
            let max = rope.max_positions as f64;
            let stretch = factor * (seq_len as f64).max(max) / max - (factor - 1.0);
            (plain(theta * stretch.powf(dim as f64 / (dim as f64 - 2.0))), 1.0)
        }
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            let smooth = |frequency: f32| {
                let frequency = f64::from(frequency);
                let wavelength = TAU / frequency;
                let ratio = original_max_position_embeddings / wavelength;
                let share = (ratio - low_freq_factor) / (high_freq_factor - low_freq_factor);
                let share = share.clamp(0.0, 1.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "as in the reference, frequencies are f32"
                )]
                let smoothed = ((1.0 - share) * frequency / factor + share * frequency) as f32;
                smoothed
            };
            (plain(theta).into_iter().map(smooth).collect(), 1.0)
        }
        RopeScaling::Yarn { attention_factor, .. } => (yarn(rope), attention_factor),
    }
}

/// `theta^(2i / dim)` for every pair `i`.
#[expect(clippy::cast_possible_truncation, reason = "as in the reference, powers are f32")]
fn series(theta: f64, dim: usize) -> impl Iterator<Item = f32> {
    (0..dim / 2).map(move |pair| (theta as f32).powf(2.0 * pair as f32 / dim as f32))
}

fn yarn(rope: &RopeSpec) -> Vec<f32> {
    let RopeScaling::Yarn {
        factor,
        beta_fast,
        beta_slow,
        truncate,
        original_max_position_embeddings: original,
        ..
    } = rope.scaling
    else {
        unreachable!("called for YaRN only");
    };
    let dim = rope.width as f64;
    let theta = rope.theta;
    // The dimension whose frequency makes `rotations` turns over the original context.
    let dimension_of = |rotations: f64| dim * (original / (rotations * TAU)).ln() / (2.0 * theta.ln());
    let (mut low, mut high) = (dimension_of(beta_fast), dimension_of(beta_slow));
    if truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, mut high) = (low.max(0.0), high.min(dim - 1.0));
    #[expect(clippy::float_cmp, reason = "the reference guards exactly this division by zero")]
    if low == high {
        high += 0.001;
    }
    series(theta, rope.width)
        .enumerate()
        .map(|(pair, power)| {
            let stretched = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
            let power = f64::from(power);
            #[expect(clippy::cast_possible_truncation, reason = "as in the reference, frequencies are f32")]
            let frequency = (stretched / (factor * power) + (1.0 - stretched) / power) as f32;
            frequency
        })
        .collect()
}
