//! Masks of dropout, made on the device: the bits that [`Dropout::keeps`] has on the processor.
//!
//! The hash has 64 bits, and many devices have integers of 32. So it is computed on limbs of 13 bits, whose products,
//! five of them added up, have less than 31 bits.

use burn::tensor::{Bool, Device, Int, Tensor};

use crate::ops::dropout::{Dropout, FACTORS, SHIFTS};

const BITS: usize = 13;
const LIMB: usize = (1 << BITS) - 1;
const N_LIMBS: usize = 64usize.div_ceil(BITS);

/// What is kept, `[rows, width]`.
///
/// # Panics
/// If the mask has 2^31 values or more: a pass is limited to fewer.
pub(super) fn mask(dropout: Dropout, shape: [usize; 2], device: &Device) -> Tensor<2, Bool> {
    let count = i32::try_from(shape[0] * shape[1]).expect("a mask has less than 2^31 values");
    let at = Tensor::<1, Int>::arange(0..i64::from(count), device);
    let (key, bound) = dropout.key_and_bound();
    let hash = (0..2).fold(Wide::sum(&at, key).xor_shifted(SHIFTS[0]), |hash, round| {
        hash.times(FACTORS[round]).xor_shifted(SHIFTS[round + 1])
    });
    hash.at_least(bound).reshape(shape)
}

/// Numbers of 64 bits, by their limbs, the lowest first.
struct Wide([Tensor<1, Int>; N_LIMBS]);

impl Wide {
    /// Numbers below 2^31, added to a constant.
    fn sum(low: &Tensor<1, Int>, constant: u64) -> Self {
        let limb = |limb: usize| limb_of(low.clone(), limb) + integer(constant, limb);
        Self(std::array::from_fn(limb)).carried()
    }

    /// `self ^ (self >> shift)`, where the shift is at least as wide as two limbs.
    fn xor_shifted(self, shift: usize) -> Self {
        let (limbs, rest) = (shift / BITS, shift % BITS);
        let shifted = |limb: usize| {
            let low = self.0.get(limb + limbs)?.clone().bitwise_right_shift_scalar(int(rest));
            let high = self.0.get(limb + limbs + 1).cloned();
            let high = high.map(|high| low_bits(high.bitwise_left_shift_scalar(int(BITS - rest))));
            Some(high.map_or_else(|| low.clone(), |high| low.clone().bitwise_or(high)))
        };
        Self(std::array::from_fn(|limb| {
            let own = self.0[limb].clone();
            shifted(limb).map_or_else(|| own.clone(), |shifted| own.clone().bitwise_xor(shifted))
        }))
    }

    /// The lower 64 bits of a product.
    fn times(self, factor: u64) -> Self {
        let limb = |limb: usize| {
            let products = (0..=limb).map(|low| self.0[limb - low].clone() * integer(factor, low));
            products.reduce(|sum, product| sum + product).expect("there is a lowest limb")
        };
        Self(std::array::from_fn(limb)).carried()
    }

    /// The same numbers, with limbs of 13 bits and a highest one of 12.
    fn carried(self) -> Self {
        let mut carry: Option<Tensor<1, Int>> = None;
        Self(self.0.map(|limb| {
            let sum = match carry.take() {
                None => limb,
                Some(carry) => limb + carry,
            };
            carry = Some(sum.clone().bitwise_right_shift_scalar(int(BITS)));
            low_bits(sum)
        }))
        .without_overflow()
    }

    fn without_overflow(mut self) -> Self {
        let top = 64 - BITS * (N_LIMBS - 1);
        self.0[N_LIMBS - 1] = self.0[N_LIMBS - 1].clone().bitwise_and_scalar((1i32 << top) - 1);
        self
    }

    /// Whether numbers are at least as large as a constant: their difference borrows nothing in the end.
    fn at_least(self, bound: u64) -> Tensor<1, Bool> {
        let mut borrow: Option<Tensor<1, Int>> = None;
        for (limb, value) in self.0.into_iter().enumerate() {
            let difference = value - integer(bound, limb);
            let difference = match borrow {
                None => difference,
                Some(borrow) => difference + borrow,
            };
            // -1 for a negative difference, and 0 otherwise.
            borrow = Some(difference.bitwise_right_shift_scalar(int(BITS)));
        }
        borrow.expect("a number has limbs").equal_elem(0)
    }
}

/// A limb of numbers below 2^31.
fn limb_of(low: Tensor<1, Int>, limb: usize) -> Tensor<1, Int> {
    match limb * BITS {
        0 => low_bits(low),
        shift if shift < 31 => low_bits(low.bitwise_right_shift_scalar(int(shift))),
        _ => low.zeros_like(),
    }
}

fn low_bits(values: Tensor<1, Int>) -> Tensor<1, Int> {
    values.bitwise_and_scalar(int(LIMB))
}

/// A limb of a constant.
fn integer(constant: u64, limb: usize) -> i32 {
    int(usize::try_from((constant >> (limb * BITS)) & LIMB as u64).expect("a limb has 13 bits"))
}

fn int(small: usize) -> i32 {
    i32::try_from(small).expect("limbs and shifts are small")
}
