//! Half-precision weights to `f32`.

use half::{bf16, f16};

use crate::lanes::vectorized;

/// Widens, exactly; a NaN keeps its bits.
///
/// # Panics
/// If `src` and `dst` are not as long as each other.
pub fn widen_bf16(src: &[bf16], dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len(), "values in and out");
    vectorized(
        #[inline(always)]
        || {
            for (dst, src) in dst.iter_mut().zip(src) {
                *dst = f32::from_bits(u32::from(src.to_bits()) << 16);
            }
        },
    );
}

/// Widens, exactly; a NaN keeps its bits.
///
/// # Panics
/// If `src` and `dst` are not as long as each other.
pub fn widen_f16(src: &[f16], dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len(), "values in and out");
    vectorized(
        #[inline(always)]
        || {
            for (dst, src) in dst.iter_mut().zip(src) {
                *dst = widened(u32::from(src.to_bits()));
            }
        },
    );
}

/// Exponents of `f16` are 112 less than those of `f32`, so 2^112 makes up for taking one for the other, and makes the
/// subnormal numbers normal.
#[inline(always)]
fn widened(bits: u32) -> f32 {
    let magnitude = (bits & 0x7fff) << 13;
    let number = (f32::from_bits(magnitude) * f32::from_bits((112 + 127) << 23)).to_bits();
    let magnitude = if bits & 0x7c00 == 0x7c00 { magnitude | 0x7f80_0000 } else { number };
    f32::from_bits(magnitude | (bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_what_half_makes_of_it() {
        let bits: Vec<u16> = (0..=u16::MAX).collect();
        let mut found = vec![0.0; bits.len()];
        let src: Vec<bf16> = bits.iter().map(|bits| bf16::from_bits(*bits)).collect();
        widen_bf16(&src, &mut found);
        for (src, found) in src.iter().zip(&found) {
            assert!(src.to_f32().to_bits() == found.to_bits() || src.is_nan() && found.is_nan(), "{src:?}");
        }
        let src: Vec<f16> = bits.iter().map(|bits| f16::from_bits(*bits)).collect();
        widen_f16(&src, &mut found);
        for (src, found) in src.iter().zip(&found) {
            assert!(src.to_f32().to_bits() == found.to_bits() || src.is_nan() && found.is_nan(), "{src:?}");
        }
    }
}
