//! Training of PEFT's adapters, and their losses.

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{AdapterCheckpoint, Decoder};
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::Objective;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::{Case, Recipe, Row, Step, TOLERANCE, load, with_prefix};

const CASES: [&str; 7] = [
    "llama-gqa",
    "llama-gqa-saved",
    "llama-biases",
    "llama-patterns",
    "llama-tied-head",
    "llama-tied-both",
    "qwen3-rslora",
];

#[derive(Deserialize)]
struct Expected {
    base: String,
    recipe: Recipe,
    rows: Vec<LossRow>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct LossRow {
    #[serde(flatten)]
    row: Row,
    nll: Vec<f64>,
    merged_nll: Vec<f64>,
}

/// The loss of every token of a row but the first.
pub(crate) fn losses(model: &Decoder, row: &Row) -> Vec<f64> {
    let scored: Vec<bool> = (0..row.input_ids.len()).map(|token| token > 0).collect();
    let sequence = Sequence::from_scored_tokens(row.input_ids.clone(), &scored).unwrap();
    let losses = Engine::new(model.clone(), 1).losses(&[sequence], Detail::PerToken).unwrap();
    losses[0].per_token.iter().flatten().map(|&loss| f64::from(loss)).collect()
}

#[test]
fn adapters_of_peft_have_its_losses() {
    for name in CASES {
        let dir = fixture("lora").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let base = load(&expected.base);
        let model = AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap();
        let merged = model.clone().merged();
        for (at, row) in expected.rows.iter().enumerate() {
            let what = format!("{name}, row {at}");
            assert_close(&what, &losses(&model, &row.row), &row.nll, TOLERANCE);
            assert_close(&format!("{what}, merged"), &losses(&merged, &row.row), &row.merged_nll, TOLERANCE);
        }
        // The base is as it was, though both share its weights.
        let before = losses(&load(&expected.base), &expected.rows[0].row);
        assert_eq!(losses(&base, &expected.rows[0].row), before, "{name}");
    }
}

#[test]
fn what_is_written_is_what_peft_writes() {
    // Patterns, and a head tied to a saved embedding, are read and never written.
    for name in ["llama-gqa", "llama-gqa-saved", "llama-biases", "llama-tied-head", "qwen3-rslora"] {
        let dir = fixture("lora").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let adapter = AdapterCheckpoint::open(&dir).unwrap();
        let model = adapter.apply(&load(&expected.base)).unwrap();
        let out = tempfile::tempdir().unwrap();
        lobass_model::save_adapter(&model, &adapter.config(), "base", out.path()).unwrap();
        let read = |dir: &std::path::Path| fs_err::read(dir.join("adapter_model.safetensors")).unwrap();
        let (ours, theirs) = (read(out.path()), read(&dir));
        let sorted = |bytes: &[u8]| {
            let tensors = SafeTensors::deserialize(bytes).unwrap();
            let mut tensors: Vec<_> = tensors
                .tensors()
                .into_iter()
                .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
                .collect();
            tensors.sort();
            tensors
        };
        assert!(sorted(&ours) == sorted(&theirs), "{name}");
        let again = AdapterCheckpoint::open(out.path()).unwrap();
        assert_eq!(again.config(), adapter.config(), "{name}");
    }
}

#[test]
fn five_steps_of_every_adapter() {
    for name in CASES {
        let dir = fixture("lora").join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let sequences: Vec<Sequence> = expected.rows.iter().map(|row| row.row.sequence()).collect();
        let base = load(&expected.base);
        let case = Case {
            name: format!("lora {name}"),
            model: AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap(),
            dir,
            stored: &with_prefix("base_model.model."),
            recipe: &expected.recipe,
            steps: &expected.steps,
            objective: Objective::Sft(&sequences),
        };
        case.check();
    }
}
