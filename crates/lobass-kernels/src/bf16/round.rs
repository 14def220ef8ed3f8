//! `f32` to bf16: to the nearest, ties to even.

use half::bf16;

/// The nearest bf16, as the `f32` that it is. A NaN stays one, and is quiet.
#[inline(always)]
pub(super) fn rounded(x: f32) -> f32 {
    let bits = x.to_bits();
    // Half of what is cut off, less one if what is kept is even. It carries into the exponent where it has to.
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let quiet = bits | 0x0040_0000;
    f32::from_bits(if x.is_nan() { quiet } else { nearest } & 0xffff_0000)
}

/// Rounds values one by one.
#[inline(always)]
pub(super) fn round_row(values: &[f32], to: &mut [bf16]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to = high_half(*value);
    }
}

/// A value in bf16.
#[inline(always)]
pub(super) fn high_half(value: f32) -> bf16 {
    bf16::from_bits((rounded(value).to_bits() >> 16) as u16)
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn assert_is_what_half_makes_of_it(x: f32) {
        let (found, expected) = (rounded(x), bf16::from_f32(x).to_f32());
        assert_eq!(found.to_bits(), expected.to_bits(), "{found} for {expected}, of {x:e}");
    }

    #[test]
    fn around_every_bf16() {
        for high in 0..=u32::from(u16::MAX) {
            for low in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                assert_is_what_half_makes_of_it(f32::from_bits(high << 16 | low));
            }
        }
    }

    proptest! {
        #[test]
        fn of_any_bits(bits: u32) {
            assert_is_what_half_makes_of_it(f32::from_bits(bits));
        }
    }
}
