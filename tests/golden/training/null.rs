//! Training of null models: on responses without their prompts.

use lobass_core::{Context, Sequence};
use lobass_model::AdapterCheckpoint;
use lobass_tests::{fixture, read_json};
use lobass_train::Objective;
use serde::Deserialize;

use super::{Case, Recipe, Row, Step, load, with_prefix};

#[derive(Deserialize)]
struct Expected {
    base: String,
    start: u32,
    recipe: Recipe,
    rows: Vec<Row>,
    steps: Vec<Step>,
}

#[test]
fn five_steps_without_prompts() {
    for (name, prefix) in [("full", ""), ("lora", "base_model.model.")] {
        let dir = fixture("null").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        // What scoring without prompts makes of a row.
        let context = Context::Unconditional { start: expected.start };
        let sequences: Vec<Sequence> = expected.rows.iter().map(|row| context.of(row.sequence())).collect();
        let base = load(&expected.base);
        let model = match name {
            "lora" => {
                let adapter = fixture("lora").join(&expected.base);
                AdapterCheckpoint::open(&adapter).unwrap().apply(&base).unwrap()
            }
            _ => base,
        };
        let case = Case {
            name: format!("null {name}"),
            dir,
            stored: &with_prefix(prefix),
            recipe: &expected.recipe,
            steps: &expected.steps,
            model,
            objective: Objective::Sft(&sequences),
        };
        case.check();
    }
}
