//! Activations as sums of values in bf16.

use super::round::rounded;
use crate::lanes::vectorized;

/// As how many values in bf16 an activation counts: each is the nearest to what those before leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Bf16Parts {
    /// The nearest bf16: 8 bits.
    #[default]
    One,
    /// The sum of two: 16 bits.
    Two,
    /// The sum of three: the activation itself, except for what is below the least normal number.
    Three,
}

impl Bf16Parts {
    /// How many there are.
    pub const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// Arranges each part of the values: `arrange` gets what the parts before leave, and rounds it.
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) fn each_part<T>(x: &[f32], parts: Bf16Parts, arrange: impl Fn(&[f32]) -> T) -> Vec<T> {
    let mut arranged = vec![arrange(x)];
    if parts == Bf16Parts::One {
        return arranged;
    }
    let mut rest = x.to_vec();
    for _ in 1..parts.count() {
        subtract_rounded(&mut rest);
        arranged.push(arrange(&rest));
    }
    arranged
}

/// Replaces values by the sums of their parts.
pub(super) fn sum_of_parts(x: &[f32], parts: Bf16Parts, sums: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (to, from) in sums.iter_mut().zip(x) {
                let (mut sum, mut rest) = (rounded(*from), *from);
                for _ in 1..parts.count() {
                    rest = left_over(rest);
                    sum += rounded(rest);
                }
                *to = sum;
            }
        },
    );
}

fn subtract_rounded(values: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for value in values {
                *value = left_over(*value);
            }
        },
    );
}

/// What the nearest bf16 leaves of a value; nothing if that is infinite or no number.
#[inline(always)]
fn left_over(value: f32) -> f32 {
    let nearest = rounded(value);
    if nearest.is_finite() { value - nearest } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(x: f32, parts: Bf16Parts) -> f32 {
        let mut sums = [0.0];
        sum_of_parts(&[x], parts, &mut sums);
        sums[0]
    }

    proptest! {
        #[test]
        fn more_parts_are_nearer(x in -1e30f32..1e30) {
            prop_assert!((sum(x, Bf16Parts::One) - x).abs() <= x.abs() / 256.0);
            prop_assert!((sum(x, Bf16Parts::Two) - x).abs() <= x.abs() / 65536.0);
            prop_assert_eq!(sum(x, Bf16Parts::Three), x);
        }

        #[test]
        fn arranged_parts_add_up(x in prop::collection::vec(-1e3f32..1e3, 1..40)) {
            for parts in [Bf16Parts::One, Bf16Parts::Two, Bf16Parts::Three] {
                let round = |x: &[f32]| x.iter().map(|x| rounded(*x)).collect::<Vec<_>>();
                let arranged = each_part(&x, parts, round);
                prop_assert_eq!(arranged.len(), parts.count());
                for (at, x) in x.iter().enumerate() {
                    prop_assert_eq!(arranged.iter().map(|part| part[at]).sum::<f32>(), sum(*x, parts));
                }
            }
        }
    }

    #[test]
    fn what_is_infinite_or_no_number_stays_so() {
        for parts in [Bf16Parts::One, Bf16Parts::Two, Bf16Parts::Three] {
            assert_eq!(sum(f32::INFINITY, parts), f32::INFINITY);
            assert_eq!(sum(f32::MAX, parts), f32::INFINITY, "beyond the greatest bf16");
            assert!(sum(f32::NAN, parts).is_nan());
        }
    }
}
