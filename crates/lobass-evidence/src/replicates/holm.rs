//! Correction for several tests.

/// Holm's corrected p values, in the order of the given ones: a claim whose corrected value is at most `a` is accepted, and
/// the chance that any accepted claim is wrong is at most `a`.
///
/// Source: Holm, *A simple sequentially rejective multiple test procedure* (1979); as `statsmodels.multipletests` with
/// `method="holm"`.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let (mut corrected, mut largest) = (vec![0.0; n], 0.0f64);
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max(((n - rank) as f64 * p_values[at]).min(1.0));
        corrected[at] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.5, 0.6]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn corrected_values_keep_the_order_and_are_no_smaller(values in prop::collection::vec(0.0..1.0f64, 1..12)) {
            let corrected = holm(&values);
            for (value, found) in values.iter().zip(&corrected) {
                prop_assert!(found >= value && *found <= 1.0);
            }
            for (one, of_one) in values.iter().zip(&corrected) {
                for (other, of_other) in values.iter().zip(&corrected) {
                    prop_assert!(one > other || of_one <= of_other);
                }
            }
        }
    }
}
