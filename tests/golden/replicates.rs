//! Tests and intervals over replicates against `scipy`.

use lobass_evidence::replicates::{holm, sign_flip, t_interval};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
    holm: Holm,
}

#[derive(Deserialize)]
struct Case {
    numbers: Vec<f64>,
    p: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Holm {
    p: Vec<f64>,
    corrected: Vec<f64>,
}

#[test]
fn sign_flips_and_t_intervals_are_those_of_scipy() {
    let expected: Expected = read_json(&fixture("replicates/expected.json"));
    for Case { numbers, p, low, high } in expected.cases {
        assert_eq!(sign_flip(&numbers), Some(p), "{numbers:?}");
        let found = t_interval(&numbers, 0.95).unwrap();
        assert!((found.low - low).abs() < 1e-9 * low.abs(), "{numbers:?}: {} and {low}", found.low);
        assert!((found.high - high).abs() < 1e-9 * high.abs(), "{numbers:?}: {} and {high}", found.high);
    }
}

#[test]
fn corrected_values_are_those_of_the_definition() {
    let Holm { p, corrected } = read_json::<Expected>(&fixture("replicates/expected.json")).holm;
    for (found, expected) in holm(&p).into_iter().zip(corrected) {
        assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    }
}
