//! How far the best order lies from the others: the test for an unknown order.

/// The thresholds of the paper. Scores below them were called leaked; see [`outlier`] for why that says little.
pub const THRESHOLDS: [f64; 3] = [-0.2, -0.17, -0.15];

const EULER: f64 = 0.577_215_664_901_532_9;

/// The decision score of the largest of some numbers in an isolation forest with infinitely many trees: at most 0.5,
/// and lower the farther the largest lies from the others. 0 if all numbers are equal.
///
/// The paper flags a question if this is below -0.2, -0.17, or -0.15. **No threshold has a known rate of false alarms**:
/// 24 independent normal numbers are below -0.2 in more than a third of all cases. So it can only be compared with
/// the scores of questions that the same model has certainly not seen.
///
/// A tree cuts uniformly between the smallest and the largest number that are left with the largest. So the expected
/// depth is a sum over where the next cut may fall; this takes `O(n^2 log n)`.
///
/// # Panics
/// If there are fewer than two numbers, or one is not finite.
///
/// Source: scenario b of arXiv 2409.01790, `sklearn.ensemble.IsolationForest.decision_function` with an offset of -0.5.
pub fn outlier(scores: &[f64]) -> f64 {
    assert!(scores.len() > 1 && scores.iter().all(|score| score.is_finite()), "at least two finite numbers");
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let last = sorted[n - 1];
    // The expected depth from here on, if the numbers from `at` on are left: at first without cuts.
    let mut depths: Vec<f64> = (0..n).map(|at| unsuccessful(n - at)).collect();
    for _ in 0..n.next_power_of_two().trailing_zeros() {
        depths = (0..n)
            .map(|at| {
                let width = last - sorted[at];
                match () {
                    () if at == n - 1 => 0.0,
                    () if width == 0.0 => unsuccessful(n - at),
                    () => {
                        let after = |cut: usize| (sorted[cut + 1] - sorted[cut]) / width * depths[cut + 1];
                        1.0 + (at..n - 1).map(after).sum::<f64>()
                    }
                }
            })
            .collect();
    }
    0.5 - (-depths[0] / unsuccessful(n)).exp2()
}

/// The mean depth of an unsuccessful search in a tree of `n` numbers.
///
/// Source: Liu, Ting, Zhou, *Isolation Forest*, equation 1.
fn unsuccessful(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Fixture {
        forests: Vec<(Vec<f64>, f64)>,
    }

    #[test]
    fn is_the_score_of_a_large_forest() {
        let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/expected.json")).unwrap();
        assert!(fixture.forests.len() >= 10);
        for (scores, expected) in fixture.forests {
            let found = outlier(&scores);
            assert!((found - expected).abs() < 4e-3, "{found} for {expected} of {scores:?}");
        }
    }

    #[test]
    fn equal_numbers_are_at_0_and_one_far_away_is_at_the_end() {
        assert_eq!(outlier(&[3.0; 24]), 0.0);
        let mut far = [0.0; 24];
        for (at, score) in far.iter_mut().enumerate() {
            *score = at as f64 * 1e-9;
        }
        far[5] = 1e9;
        assert!((outlier(&far) + 0.3818).abs() < 1e-3, "{}", outlier(&far));
    }

    proptest! {
        #[test]
        fn moving_and_stretching_changes_nothing(
            scores in prop::collection::vec(-20f64..0.0, 3..24), shift in -50f64..50.0, scale in 0.1f64..10.0,
        ) {
            let moved: Vec<f64> = scores.iter().map(|score| scale * score + shift).collect();
            prop_assert!((outlier(&scores) - outlier(&moved)).abs() < 1e-9);
        }
    }
}
