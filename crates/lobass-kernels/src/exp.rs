//! The exponential and the sigmoid, without branches, so that loops over them vectorize.

/// Below this the result would be less than 2^-126 or so, and is 0.
const LOWEST: f32 = -87.5;
/// From here on the result is infinite (the last finite one is that of 88.72).
const HIGHEST: f32 = 89.0;
/// 1.5 * 2^23: added to a small number, it leaves the nearest integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// Computes `e^x` to two units in the last place.
///
/// Infinite where `f32` ends, 0 where the result would be below 1.7e-38 (nothing is subnormal), NaN for NaN.
///
/// Source: `expf` of the Cephes library (reduction by `ln 2` in two parts, polynomial of degree 5).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // A NaN stays one, as it would not with `min` and `max`.
    let x = x.clamp(LOWEST, HIGHEST);
    let rounded = x.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let count = rounded - ROUNDER;
    // ln 2 as 0.693359375 - 2.12194440e-4: products with the first part are exact.
    let rest = count.mul_add(2.121_944_4e-4, count.mul_add(-0.693_359_4, x));
    let polynomial = 1.987_569_1e-4_f32
        .mul_add(rest, 1.398_199_9e-3)
        .mul_add(rest, 8.333_452e-3)
        .mul_add(rest, 4.166_579_6e-2)
        .mul_add(rest, 1.666_666_5e-1)
        .mul_add(rest, 0.5);
    let power = polynomial.mul_add(rest * rest, rest) + 1.0;
    // 2^(count - 1), since 2^128 is no f32; a count of -126 gives an exponent of 0, which is the number 0.
    let scale = f32::from_bits(rounded.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(126) << 23);
    (power + power) * scale
}

/// Computes `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::{exp, sigmoid};

    #[test]
    fn is_right_to_two_units_in_the_last_place() {
        let mut worst = 0f64;
        for step in 0..2_000_000 {
            let x = -86.9 + step as f32 * (88.7 + 86.9) / 2_000_000.0;
            let expected = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - expected).abs() / expected);
        }
        assert!(worst < 1.2e-7, "{worst}");
    }

    #[test]
    fn ends_where_f32_ends() {
        for x in [-87.4, -88.0, -104.0, -1e10, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0, "{x}");
        }
        for x in [88.73, 89.0, 100.0, 1e10, f32::MAX, f32::INFINITY] {
            assert_eq!(exp(x), f32::INFINITY, "{x}");
        }
        assert!(exp(f32::NAN).is_nan() && exp(-f32::NAN).is_nan());
        assert_eq!((exp(0.0), exp(-0.0)), (1.0, 1.0));
        assert!(exp(88.72).is_finite());
    }

    #[test]
    fn sigmoid_is_right() {
        for step in -20_000..20_000 {
            let x = step as f32 * 4e-3;
            let expected = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - expected).abs() <= 3e-7 * expected, "{x}");
        }
        assert_eq!((sigmoid(f32::NEG_INFINITY), sigmoid(f32::INFINITY)), (0.0, 1.0));
        assert!(sigmoid(f32::NAN).is_nan());
    }
}
