//! Variants of the method: chosen on the first half of the replicates, tested on the other half.

use super::study::{INTERVAL, Replicate, difference};
use super::t_interval;
use crate::markdown::{mean_of, signed, table};

/// The names of their comparisons, with the arm that is the variant.
const VARIANTS: [(&str, &str); 8] = [
    ("shrinkage-10", "lobass"),
    ("shrinkage-30", "lobass"),
    ("cross-fitted", "lobass"),
    ("quota-source", "lobass"),
    ("quota-length", "lobass"),
    ("k-center", "lobass"),
    ("informative", "quality"),
    ("learned", "lobass"),
];
/// The replicates that variants are chosen on; the others test the best one.
const N_CHOOSING: usize = 4;

/// A line for each variant that was trained, on each half of the replicates.
pub(super) fn variants(replicates: &[Replicate]) -> Option<String> {
    let (choosing, testing) = replicates.split_at(N_CHOOSING.min(replicates.len()));
    let mut rows = Vec::new();
    for (what, half) in [("chosen on", choosing), ("tested on", testing)] {
        for variant in VARIANTS {
            let against = |baseline: &str| -> Vec<f64> {
                let of = |replicate| difference(replicate, variant, ("epochs-6", baseline));
                half.iter().filter_map(of).collect()
            };
            let [lobass, random] = ["lobass", "random"].map(against);
            if !lobass.is_empty() {
                let cell = |numbers: &[f64]| mean_of(t_interval(numbers, INTERVAL), numbers, signed);
                let n = lobass.len().to_string();
                rows.push(vec![variant.0.to_owned(), what.to_owned(), n, cell(&lobass), cell(&random)]);
            }
        }
    }
    let headings = ["variant", "role", "replicates", "loss against lobass", "loss against random"];
    (!rows.is_empty()).then(|| table(&headings, &rows))
}
