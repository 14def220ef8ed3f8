//! Bootstrap intervals against `scipy`, and against a plain one in `numpy` of two crossed factors.

use lobass_evidence::{Bootstrap, Estimate, Ratio, quantile};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    counts: Vec<f64>,
    /// By arm, trial, and example.
    arms: Vec<Vec<Vec<f64>>>,
    single: Intervals,
    crossed: Intervals,
    paired: Intervals,
    quantiles: Quantiles,
}

#[derive(Deserialize)]
struct Intervals {
    one: Estimate,
    difference: Estimate,
}

#[derive(Deserialize)]
struct Quantiles {
    numbers: Vec<f64>,
    shares: Vec<f64>,
    values: Vec<f64>,
}

fn expected() -> Expected {
    read_json(&fixture("bootstrap/expected.json"))
}

/// Both draw at random; with so many resamples an end moves by about a fiftieth of the half width.
#[track_caller]
fn assert_interval(what: &str, found: Estimate, expected: Estimate) {
    assert!((found.value - expected.value).abs() < 1e-12, "{what}: {found:?}, expected {expected:?}");
    let tolerance = 0.04 * (expected.high - expected.low) / 2.0;
    let apart = (found.low - expected.low).abs().max((found.high - expected.high).abs());
    assert!(apart < tolerance, "{what}: {found:?}, expected {expected:?}");
}

fn check(expected: &Expected, n_trials: usize, streams: [u64; 2], intervals: &Intervals) {
    let bootstrap = Bootstrap { n_resamples: 20_000, level: 0.95, seed: 3 };
    let arm = |arm: usize| -> Vec<Vec<Ratio>> {
        let trial = |trial: &Vec<f64>| {
            trial.iter().zip(&expected.counts).map(|(&sum, &count)| Ratio { sum, count }).collect()
        };
        expected.arms[arm][..n_trials].iter().map(trial).collect()
    };
    let [first, second] = [0, 1].map(|at| bootstrap.draws(&arm(at), streams[at]));
    assert_interval("one", bootstrap.estimate(&first), intervals.one);
    assert_interval("difference", bootstrap.estimate(&first.minus(&second)), intervals.difference);
}

#[test]
fn one_trial_is_what_scipy_has() {
    let expected = expected();
    check(&expected, 1, [0, 1], &expected.single);
}

#[test]
fn examples_and_trials_are_resampled_together() {
    let expected = expected();
    check(&expected, 3, [0, 1], &expected.crossed);
    // Seeds do add to the spread here, so leaving them out would be seen.
    let width = |estimate: Estimate| estimate.high - estimate.low;
    assert!(width(expected.crossed.difference) > 1.2 * width(expected.single.difference) / 3f64.sqrt());
}

#[test]
fn trials_that_share_their_seeds_are_resampled_together() {
    let expected = expected();
    check(&expected, 3, [0, 0], &expected.paired);
}

#[test]
fn quantiles_are_those_of_numpy() {
    let Quantiles { mut numbers, shares, values } = expected().quantiles;
    numbers.sort_by(f64::total_cmp);
    let found: Vec<f64> = shares.iter().map(|&share| quantile(&numbers, share)).collect();
    assert_close("quantiles", &found, &values, 1e-12);
}
