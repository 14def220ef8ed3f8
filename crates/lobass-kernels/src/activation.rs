//! The functions of feed-forward layers, without branches, and their slopes.

use crate::exp::{exp, sigmoid};

/// A function of the values inside a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// `x * P(normal < x)`, by the error function: `gelu` of PyTorch.
    Gelu,
    /// The same by a hyperbolic tangent: `gelu` of PyTorch with `approximate="tanh"`, which configs call
    /// `gelu_pytorch_tanh` and `gelu_new`.
    GeluTanh,
    /// `max(x, 0)^2`.
    ReluSquared,
}

/// A function and its slope. Implementations are inlined, to be compiled for the vector instructions.
pub(crate) trait Curve: Copy {
    /// Its value.
    fn at(self, x: f32) -> f32;

    /// Its value and its slope.
    fn with_slope(self, x: f32) -> (f32, f32);
}

/// [`Activation::Sigmoid`].
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

/// [`Activation::Silu`].
#[derive(Clone, Copy)]
pub(crate) struct Silu;

/// [`Activation::Gelu`].
#[derive(Clone, Copy)]
pub(crate) struct Gelu;

/// [`Activation::GeluTanh`].
#[derive(Clone, Copy)]
pub(crate) struct GeluTanh;

/// [`Activation::ReluSquared`].
#[derive(Clone, Copy)]
pub(crate) struct ReluSquared;

impl Curve for Sigmoid {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        sigmoid(x)
    }

    #[inline(always)]
    fn with_slope(self, x: f32) -> (f32, f32) {
        let open = sigmoid(x);
        (open, open * (1.0 - open))
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn with_slope(self, x: f32) -> (f32, f32) {
        let open = sigmoid(x);
        let silu = x * open;
        // silu' = s + x s (1 - s)
        (silu, silu.mul_add(1.0 - open, open))
    }
}

impl Curve for Gelu {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        x * normal(x).0
    }

    #[inline(always)]
    fn with_slope(self, x: f32) -> (f32, f32) {
        /// `1 / sqrt(2 pi)`.
        const DENSITY: f32 = 0.398_942_3;
        let (below, power) = normal(x);
        (x * below, (x * DENSITY).mul_add(power, below))
    }
}

impl Curve for GeluTanh {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        // (1 + tanh(u)) / 2 = sigmoid(2 u)
        x * sigmoid(tanh_argument(x).0)
    }

    #[inline(always)]
    fn with_slope(self, x: f32) -> (f32, f32) {
        let (argument, slope) = tanh_argument(x);
        let open = sigmoid(argument);
        let gelu = x * open;
        // Far below zero the slope of the argument is large, and what it is multiplied with is zero.
        (gelu, (gelu * (1.0 - open)).mul_add(slope, open))
    }
}

impl Curve for ReluSquared {
    #[inline(always)]
    fn at(self, x: f32) -> f32 {
        let above = if x < 0.0 { 0.0 } else { x };
        above * above
    }

    #[inline(always)]
    fn with_slope(self, x: f32) -> (f32, f32) {
        let above = if x < 0.0 { 0.0 } else { x };
        (above * above, 2.0 * above)
    }
}

/// `2 sqrt(2 / pi) (x + 0.044715 x^3)` and its slope.
#[inline(always)]
fn tanh_argument(x: f32) -> (f32, f32) {
    const FACTOR: f32 = 1.595_769;
    const CUBE: f32 = 0.044_715;
    let square = x * x;
    (FACTOR * x * square.mul_add(CUBE, 1.0), FACTOR * square.mul_add(3.0 * CUBE, 1.0))
}

/// The probability that a normal variable is below `x`, to 2e-7, and `e^(-x^2 / 2)`.
///
/// Below zero it is right to 5e-7 of itself. The tail is `e^(-z^2) / 2` times a function of `z = |x| / sqrt(2)` that
/// changes slowly: a polynomial in `t = 1 / (1 + 0.35 z)`, fitted to the scaled complementary error function.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.35f32.mul_add(z, 1.0);
    let polynomial = 0.040_170_98f32
        .mul_add(t, -0.263_219_92)
        .mul_add(t, 0.532_330_93)
        .mul_add(t, -0.350_065_6)
        .mul_add(t, 0.364_659_73)
        .mul_add(t, 0.081_292_875)
        .mul_add(t, 0.201_643_82)
        .mul_add(t, 0.195_633_38)
        .mul_add(t, 0.197_553_66);
    let power = exp(-0.5 * x * x);
    let tail = 0.5 * power * t * polynomial;
    (if x > 0.0 { 1.0 - tail } else { tail }, power)
}

/// Computes `tanh(x)`, to 3e-7 of itself.
///
/// Source: `tanhf` of the Cephes library (a polynomial near zero, the exponential elsewhere).
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let square = x * x;
    let polynomial = (-5.704_988_7e-3f32)
        .mul_add(square, 2.063_909e-2)
        .mul_add(square, -5.373_971_5e-2)
        .mul_add(square, 1.333_144_2e-1)
        .mul_add(square, -3.333_328e-1);
    let near = (polynomial * square).mul_add(x, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if x.abs() < 0.625 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_right() {
        for step in -40_000..40_000 {
            let x = step as f32 * 5e-4;
            let expected = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - expected).abs() <= 3e-7 * expected.abs(), "{x}");
        }
        assert_eq!((tanh(f32::NEG_INFINITY), tanh(f32::INFINITY), tanh(1e-30)), (-1.0, 1.0, 1e-30));
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn ends_are_zero_or_the_value_itself() {
        for x in [20.0, 1e4, 1e18] {
            assert_eq!((Silu.at(x), Gelu.at(x), GeluTanh.at(x)), (x, x, x));
            assert_eq!((Gelu.with_slope(x).1, GeluTanh.with_slope(x).1), (1.0, 1.0));
            assert_eq!((Gelu.at(-x), GeluTanh.at(-x), ReluSquared.at(-x)), (0.0, 0.0, 0.0));
            assert_eq!((Gelu.with_slope(-x).1, GeluTanh.with_slope(-x).1), (0.0, 0.0));
        }
        for curve in [Gelu.at(f32::NAN), GeluTanh.at(f32::NAN), Silu.at(f32::NAN), ReluSquared.at(f32::NAN)] {
            assert!(curve.is_nan());
        }
    }
}
