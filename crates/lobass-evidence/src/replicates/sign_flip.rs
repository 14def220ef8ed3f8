//! Whether numbers of replicates lie on one side of zero.

/// The most replicates: all signs of all numbers are tried.
pub const MAX_REPLICATES: usize = 20;

/// The exact two-sided p value of a mean of zero: the share of all choices of signs whose mean is at least as far from zero.
/// The smallest possible one is 2 / 2^n.
///
/// It is valid if each number is as likely as its negative when nothing is the matter. `None` without numbers, with a number
/// that is not finite, or with more than [`MAX_REPLICATES`].
///
/// Source: Fisher, *The Design of Experiments* (1935), section 21; as `scipy.stats.permutation_test` with
/// `permutation_type="samples"` on one sample and the mean.
pub fn sign_flip(differences: &[f64]) -> Option<f64> {
    let n = differences.len();
    if n == 0 || n > MAX_REPLICATES || differences.iter().any(|number| !number.is_finite()) {
        return None;
    }
    let sum = |signs: u32| -> f64 {
        let flipped = |(at, number): (usize, &f64)| if signs >> at & 1 == 1 { -number } else { *number };
        differences.iter().enumerate().map(flipped).sum()
    };
    let observed = sum(0).abs();
    // Sums of the same numbers in other signs are equal only up to rounding.
    let least = observed * (1.0 - 1e-12);
    let n_choices = 1u32 << n;
    let n_as_far = (0..n_choices).filter(|&signs| sum(signs).abs() >= least).count();
    Some(n_as_far as f64 / f64::from(n_choices))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(sign_flip(&[-1.0; 8]), Some(2.0 / 256.0));
        assert_eq!(sign_flip(&[1.0, -1.0]), Some(1.0));
        // 3 + 2 - 1: of the eight sums, 6, 4, and their negatives are as far.
        assert_eq!(sign_flip(&[3.0, 2.0, -1.0]), Some(0.5));
        assert_eq!(sign_flip(&[]), None);
        assert_eq!(sign_flip(&[f64::NAN]), None);
        assert_eq!(sign_flip(&[0.1; MAX_REPLICATES + 1]), None);
    }

    proptest! {
        #[test]
        fn neither_scale_nor_side_nor_order_matters(
            mut numbers in prop::collection::vec(-5.0..5.0f64, 1..10), scale in prop_oneof![Just(-1.0), 0.1..9.0],
        ) {
            let found = sign_flip(&numbers);
            let scaled: Vec<f64> = numbers.iter().map(|number| scale * number).collect();
            prop_assert_eq!(sign_flip(&scaled), found);
            numbers.reverse();
            prop_assert_eq!(sign_flip(&numbers), found);
            prop_assert!(found.unwrap() >= 2.0 / f64::from(1 << numbers.len()) && found.unwrap() <= 1.0);
        }
    }
}
