//! Measures of preference pairs against PyTorch and NumPy.

use std::collections::BTreeMap;

use lobass_evidence::Bootstrap;
use lobass_evidence::pairs::{HeldOutPair, PairFacts, PairMeasure, PairOutcome, measure_pairs};
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::Dpo;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    source: Vec<usize>,
    lengths: Vec<[u64; 2]>,
    base: Vec<[f64; 2]>,
    /// By trial and pair.
    losses: Vec<Vec<[f64; 2]>>,
    facts: PairFacts,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    beta: f64,
    normalized: bool,
    /// Of all sources, then of each.
    measures: Vec<BTreeMap<PairMeasure, f64>>,
}

fn pairs(expected: &Expected) -> Vec<HeldOutPair> {
    let numbers = expected.source.iter().zip(&expected.lengths).zip(&expected.base);
    let pair = |((&source, &[n_chosen, n_rejected]), &base): ((&usize, &[u64; 2]), &[f64; 2])| HeldOutPair {
        source,
        n_chosen,
        n_rejected,
        base,
    };
    numbers.map(pair).collect()
}

#[test]
fn measures_of_pairs_are_those_of_numpy() {
    let expected: Expected = read_json(&fixture("pairs/expected.json"));
    let pairs = pairs(&expected);
    let sources = ["x", "y"].map(str::to_owned);
    let bootstrap = Bootstrap { n_resamples: 100, level: 0.95, seed: 0 };
    for Case { beta, normalized, measures } in &expected.cases {
        let dpo = Dpo { beta: *beta, normalized: *normalized };
        let outcome = |(pair, &losses): (&HeldOutPair, &[f64; 2])| {
            let found = dpo.loss_of(pair.base, losses);
            PairOutcome { losses, margin: found.margin / beta, loss: found.loss }
        };
        let trials =
            expected.losses.iter().map(|trial| pairs.iter().zip(trial).map(outcome).collect()).collect();
        let found = measure_pairs(&pairs, &sources, &[trials], &[], &bootstrap).unwrap();
        for (result, expected) in found.results[0].iter().zip(measures) {
            assert!(result.measures.len() >= 5, "{}", result.source);
            for (measure, estimate) in &result.measures {
                let what = format!("beta {beta}, {}, {measure:?}", result.source);
                assert_close(&what, &[estimate.value], &[expected[measure]], 1e-9);
            }
        }
    }
}

#[test]
fn facts_of_pairs_are_those_of_numpy() {
    let expected: Expected = read_json(&fixture("pairs/expected.json"));
    let found = PairFacts::of(&pairs(&expected).iter(), true).unwrap();
    let numbers = |facts: PairFacts| {
        let PairFacts { n_pairs, longer_chosen, length_rule, n_length_matched, base_chosen, base_rejected } =
            facts;
        [
            n_pairs as f64,
            longer_chosen.unwrap(),
            length_rule,
            n_length_matched as f64,
            base_chosen,
            base_rejected,
        ]
    };
    assert_close("facts", &numbers(found), &numbers(expected.facts), 1e-12);
    let shorter = PairFacts::of(&pairs(&expected).iter(), false).unwrap();
    assert!((shorter.length_rule + found.length_rule - 1.0).abs() < 1e-12);
    assert_eq!(PairFacts::of(&[].iter(), true), None);
}
