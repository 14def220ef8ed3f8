//! Loops compiled for the processor's vector instructions, and sums whose order does not depend on which.

use std::sync::OnceLock;

use pulp::Arch;

use crate::exp::exp;

/// Partial sums of a row. Never a function of the processor, so that no sum is; and so many that the compiler keeps
/// them in memory and vectorizes the loop over them. Few of them it would take for as many scalars.
pub(crate) const LANES: usize = 64;

/// Exponentials at a time.
const CHUNK: usize = 16;

/// Runs a closure compiled for the vector instructions that this processor has.
///
/// The closure and everything it calls have to be `#[inline(always)]`: a separate function is compiled without them.
#[inline(always)]
pub(crate) fn vectorized<R>(body: impl FnOnce() -> R) -> R {
    arch().dispatch(body)
}

/// The vector instructions that this processor has.
#[inline(always)]
pub(crate) fn arch() -> Arch {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    *ARCH.get_or_init(Arch::new)
}

/// Computes `sum(x)`.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for x in x.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane += *x;
        }
    }
    total(&mut lanes)
}

/// Computes `sum(x * y)`.
#[inline(always)]
pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for (x, y) in x.chunks(LANES).zip(y.chunks(LANES)) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane = x.mul_add(*y, *lane);
        }
    }
    total(&mut lanes)
}

/// Computes `sum(x * y * z)`.
#[inline(always)]
pub(crate) fn dot_of_three(x: &[f32], y: &[f32], z: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for ((x, y), z) in x.chunks(LANES).zip(y.chunks(LANES)).zip(z.chunks(LANES)) {
        for (((lane, x), y), z) in lanes.iter_mut().zip(x).zip(y).zip(z) {
            *lane = (x * y).mul_add(*z, *lane);
        }
    }
    total(&mut lanes)
}

/// The greatest value, without regard to NaN; negative infinity if there is none.
#[inline(always)]
pub(crate) fn greatest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for x in x.chunks(LANES) {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low = if *high > *low { *high } else { *low };
        }
        half /= 2;
    }
    lanes[0]
}

/// Writes `e^(x - shift)` over `x` and computes its sum.
#[inline(always)]
pub(crate) fn exp_shifted(x: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0f32; LANES];
    for x in x.chunks_mut(LANES) {
        let (chunks, rest) = x.as_chunks_mut::<CHUNK>();
        for chunk in chunks {
            exp_chunk(chunk, shift);
        }
        if !rest.is_empty() {
            // As a full chunk, since a loop of scalar exponentials takes longer than the rest of a short row.
            let mut chunk = [0f32; CHUNK];
            chunk[..rest.len()].copy_from_slice(rest);
            exp_chunk(&mut chunk, shift);
            rest.copy_from_slice(&chunk[..rest.len()]);
        }
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane += *x;
        }
    }
    total(&mut lanes)
}

#[inline(always)]
fn exp_chunk(x: &mut [f32; CHUNK], shift: f32) {
    for x in x {
        *x = exp(*x - shift);
    }
}

/// The sum of the lanes, as a tree.
#[inline(always)]
fn total(lanes: &mut [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values};

    proptest! {
        #[test]
        fn sums_are_those_of_scalar_loops(len in 0usize..300, seed: u64) {
            let (x, y, z) = (values(seed, len), values(seed ^ 1, len), values(seed ^ 2, len));
            let wide = |at: usize| (f64::from(x[at]), f64::from(y[at]), f64::from(z[at]));
            let of_two = (0..len).map(|at| wide(at).0 * wide(at).1).sum();
            let of_three = (0..len).map(|at| wide(at).0 * wide(at).1 * wide(at).2).sum();
            assert_close(&[sum(&x)], &[(0..len).map(|at| wide(at).0).sum()], 1e-5);
            let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(vectorized(|| greatest(&x)), max);
            assert_close(&[dot(&x, &y), dot_of_three(&x, &y, &z)], &[of_two, of_three], 1e-5);

            let mut powers = x.clone();
            let of_powers = vectorized(#[inline(always)] || exp_shifted(&mut powers, 0.5));
            let expected: Vec<f64> = x.iter().map(|x| (f64::from(*x) - 0.5).exp()).collect();
            assert_close(&powers, &expected, 1e-6);
            assert_close(&[of_powers], &[expected.iter().sum()], 1e-5);
            // Inlined here, without the vector instructions: the same bits.
            let mut scalar = x.clone();
            prop_assert_eq!(exp_shifted(&mut scalar, 0.5).to_bits(), of_powers.to_bits());
            prop_assert_eq!(scalar, powers);
        }
    }
}
