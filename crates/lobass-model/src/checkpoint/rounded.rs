//! Weights rounded to NF4 and back, as training on a quantized base has them.
//!
//! Source: `QLoRA` (Dettmers et al., 2023), section 3; the kernels `kQuantizeBlockwise` and `dQuantizeNF4`, and
//! `quantize_4bit` and `create_dynamic_map` of bitsandbytes 0.50.

use half::{bf16, f16};
use lobass_core::Rounding;

use crate::Dtype;

/// Values that share a scale.
const BLOCK: usize = 64;
/// Scales that share a scale, under double quantization.
const NESTED_BLOCK: usize = 256;
/// The values of the codes: quantiles of the normal distribution, the largest of which are 1.
#[expect(clippy::excessive_precision, clippy::unreadable_literal, reason = "as the paper prints them")]
const NF4: [f32; 16] = [
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
];

/// Rounds the values of a whole tensor, in the order of its file. They are rounded to `dtype` after decoding, which is
/// the format that they are stored in.
pub(super) fn round(values: &mut [f32], to: Rounding, dtype: Dtype) {
    let mut scales: Vec<f32> = values.chunks(BLOCK).map(largest).collect();
    let inverse: Vec<f32> = scales.iter().map(|scale| scale.recip()).collect();
    if to == Rounding::Nf4 {
        round_scales(&mut scales);
    }
    let thresholds: [f32; 15] = std::array::from_fn(|at| f32::midpoint(NF4[at], NF4[at + 1]));
    for ((block, scale), inverse) in values.chunks_mut(BLOCK).zip(scales).zip(inverse) {
        for value in block {
            // A block of zeros has an infinite inverse, and NaN is above no threshold.
            let normal = *value * inverse;
            let code = thresholds.iter().filter(|threshold| normal > **threshold).count();
            *value = narrow(NF4[code] * scale, dtype);
        }
    }
}

/// Rounds scales to 8 bits: their differences from the mean, in blocks.
fn round_scales(scales: &mut [f32]) {
    let mean = scales.iter().map(|scale| f64::from(*scale)).sum::<f64>() / scales.len().max(1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "scales are f32")]
    let (offset, table) = (mean as f32, dynamic_map());
    for block in scales.chunks_mut(NESTED_BLOCK) {
        for scale in block.iter_mut() {
            *scale -= offset;
        }
        let scale = largest(block);
        for value in block {
            *value = nearest(&table, *value * scale.recip()) * scale + offset;
        }
    }
}

/// The largest absolute value.
fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// The nearest of some values in order; of two equally near ones the smaller.
fn nearest(table: &[f32], value: f32) -> f32 {
    let above = table.partition_point(|entry| *entry < value).min(table.len() - 1);
    let below = above.saturating_sub(1);
    if value - table[below] <= table[above] - value { table[below] } else { table[above] }
}

/// The values of 8-bit codes: a sign, a decimal exponent from -6 to 0, and a fraction with the bits that are left.
fn dynamic_map() -> Vec<f32> {
    let mut map = vec![0.0, 1.0];
    for exponent in 0..7 {
        let n_steps = 1_usize << exponent;
        let step = 0.9_f32 / n_steps as f32;
        // The ends of equal steps from 0.1 to 1, each computed from the nearer end with one rounding, as PyTorch does.
        let end = |at: usize| match 2 * at <= n_steps {
            true => step.mul_add(at as f32, 0.1),
            false => (-step).mul_add((n_steps - at) as f32, 1.0),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the map is f32")]
        let power = 10_f64.powi(exponent - 6) as f32;
        let means = (0..n_steps).map(|at| power * (f32::midpoint(end(at), end(at + 1))));
        map.extend(means.flat_map(|mean| [mean, -mean]));
    }
    map.sort_by(f32::total_cmp);
    map
}

/// The nearest number of a format.
pub(super) fn narrow(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => value,
        Dtype::Bf16 => bf16::from_f32(value).to_f32(),
        Dtype::F16 => f16::from_f32(value).to_f32(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_of_scales_is_that_of_files() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/quantized/nf4-double/model.safetensors"
        );
        let bytes = fs_err::read(path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let stored = file.tensor("model.layers.0.mlp.up_proj.weight.nested_quant_map").unwrap();
        let stored: Vec<f32> =
            stored.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(dynamic_map(), stored);
    }

    #[test]
    fn what_is_rounded_stays_what_it_is() {
        let mut values: Vec<f32> = (0..200_u16).map(|at| (f32::from(at) * 0.7).sin() * 3.0).collect();
        values[64..128].fill(0.0);
        let before = values.clone();
        round(&mut values, Rounding::Nf4Single, Dtype::F32);
        let once = values.clone();
        round(&mut values, Rounding::Nf4Single, Dtype::F32);
        assert_eq!(values, once);
        assert!(once[64..128].iter().all(|value| *value == 0.0));
        // No value moves further than half of the widest gap, and some move.
        let scale = 3.0;
        assert!(once.iter().zip(&before).all(|(new, old)| (new - old).abs() <= 0.152 * scale));
        assert_ne!(once, before);
    }

    #[test]
    fn the_nearest_value() {
        let table = [-1.0, 0.0, 0.5, 1.0];
        for (value, expected) in
            [(-2.0, -1.0), (-0.6, -1.0), (-0.5, -1.0), (0.2, 0.0), (0.3, 0.5), (0.9, 1.0), (7.0, 1.0)]
        {
            assert_eq!(nearest(&table, value), expected, "{value}");
        }
    }
}
