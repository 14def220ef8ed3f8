//! Inverse frequencies of rotary position embeddings.

use std::f64::consts::TAU;

use crate::{RopeScaling, RopeSpec};

/// The inverse frequency of each pair that is turned, in radians per position, and the factor on cos and sin.
///
/// Source: `_compute_*_parameters` in `modeling_rope_utils.py` of transformers 5.24. The reference works in f32 from
/// the power on; so does this, in the same order.
pub(super) fn inverse_frequencies(rope: &RopeSpec, seq_len: usize) -> (Vec<f32>, f64) {
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
        RopeScaling::Longrope {
            ref short,
            ref long,
            attention_factor,
            original_max_position_embeddings: original,
        } => {
            let divisors = if seq_len as f64 > original { long } else { short };
            (longrope(theta, dim, divisors), attention_factor)
        }
        RopeScaling::Proportional { turned_pairs, factor } => (proportional(rope, turned_pairs, factor), 1.0),
    }
}

/// `theta^(2i / dim)` for every pair `i`.
#[expect(clippy::cast_possible_truncation, reason = "as in the reference, powers are f32")]
fn series(theta: f64, dim: usize) -> impl Iterator<Item = f32> {
    (0..dim / 2).map(move |pair| (theta as f32).powf(2.0 * pair as f32 / dim as f32))
}

#[expect(clippy::cast_possible_truncation, reason = "as in the reference, frequencies are f32")]
fn longrope(theta: f64, dim: usize, divisors: &[f64]) -> Vec<f32> {
    series(theta, dim).zip(divisors).map(|(power, divisor)| 1.0 / (*divisor as f32 * power)).collect()
}

/// Pairs that do not turn have a frequency of 0.
#[expect(clippy::cast_possible_truncation, reason = "as in the reference, frequencies are f32")]
fn proportional(rope: &RopeSpec, turned_pairs: usize, factor: f64) -> Vec<f32> {
    let frequency = |(pair, power): (usize, f32)| {
        if pair < turned_pairs { 1.0 / power / factor as f32 } else { 0.0 }
    };
    series(rope.theta, rope.width).enumerate().map(frequency).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_frequencies(scaling: RopeScaling, seq_len: usize, expected: &[f32], expected_factor: f64) {
        let rope = RopeSpec { theta: 10_000.0, width: 8, max_positions: 64, scaling, growth: None };
        let (found, factor) = inverse_frequencies(&rope, seq_len);
        assert_eq!((found.len(), factor), (expected.len(), expected_factor));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 2e-7 * expected, "{found} for {expected}");
        }
    }

    /// Values of `ROPE_INIT_FUNCTIONS["longrope"]` of transformers 5.24.
    #[test]
    fn longrope_has_the_divisors_of_short_or_of_long_sequences() {
        let scaling = RopeScaling::Longrope {
            short: vec![1.0, 1.1, 1.3, 2.0],
            long: vec![1.5, 3.0, 9.0, 20.5],
            attention_factor: 1.095_445_115_010_332_1,
            original_max_position_embeddings: 32.0,
        };
        let short = [1.0, 0.090_909_09, 0.007_692_307_7, 0.000_5];
        let long = [0.666_666_7, 0.033_333_335, 0.001_111_111_1, 4.878_048_6e-5];
        assert_frequencies(scaling.clone(), 32, &short, 1.095_445_115_010_332_1);
        assert_frequencies(scaling, 33, &long, 1.095_445_115_010_332_1);
    }

    /// Values of `ROPE_INIT_FUNCTIONS["proportional"]` of transformers 5.24.
    #[test]
    fn proportional_turns_the_first_pairs_only() {
        let scaling = RopeScaling::Proportional { turned_pairs: 2, factor: 8.0 };
        assert_frequencies(scaling, 100, &[0.125, 0.0125, 0.0, 0.0], 1.0);
    }

    /// Values of `ROPE_INIT_FUNCTIONS["yarn"]` of transformers 5.24.
    #[test]
    fn yarn_ramps_without_rounding() {
        let scaling = RopeScaling::Yarn {
            factor: 4.0,
            attention_factor: 1.064_821_625_369_571_5,
            beta_fast: 8.0,
            beta_slow: 1.0,
            truncate: false,
            original_max_position_embeddings: 16.0,
        };
        assert_frequencies(scaling, 100, &[1.0, 0.025, 0.0025, 0.00025], 1.064_821_625_369_571_5);
    }
}
