//! Training of all weights.

use lobass_core::Sequence;
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::Objective;
use serde::Deserialize;

use super::{Case, Recipe, Row, Step, load, with_prefix};

#[derive(Deserialize)]
struct Expected {
    recipe: Recipe,
    rows: Vec<Row>,
    steps: Vec<Step>,
}

fn with_case(name: &str, check: impl FnOnce(&Case<'_>)) {
    let dir = fixture("training").join(name);
    let expected: Expected = read_json(&dir.join("expected.json"));
    let sequences: Vec<Sequence> = expected.rows.iter().map(Row::sequence).collect();
    check(&Case {
        name: name.to_owned(),
        dir,
        stored: &with_prefix(""),
        recipe: &expected.recipe,
        steps: &expected.steps,
        model: load(name),
        objective: Objective::Sft(&sequences),
    });
}

#[test]
fn five_steps_of_every_shape() {
    for name in ["llama-gqa", "llama-tied", "llama-biases", "qwen3", "mistral-sliding"] {
        let check = |case: &Case<'_>| case.check();
        with_case(name, check);
    }
}

#[test]
fn neither_threads_nor_recomputation_change_a_bit() {
    with_case("llama-gqa", |case| {
        let (one, steps_one) = case.train(&case.config(20, false), 1);
        for (threads, recompute) in [(2, false), (3, true), (8, false), (1, true)] {
            let (other, steps) = case.train(&case.config(20, recompute), threads);
            assert_eq!(steps, steps_one, "{threads} threads, recompute {recompute}");
            for (name, _) in one.parameter_names() {
                assert_eq!(one.weight(&name), other.weight(&name), "{name} on {threads} threads");
            }
        }
    });
}

#[test]
fn how_a_batch_is_cut_changes_rounding_only() {
    with_case("llama-gqa", |case| {
        let (_, whole) = case.train(&case.config(1000, false), 2);
        let (_, cut) = case.train(&case.config(1, false), 2);
        for (whole, cut) in whole.iter().zip(&cut) {
            assert_close("loss", &[cut.loss], &[whole.loss], 1e-5);
        }
    });
}
