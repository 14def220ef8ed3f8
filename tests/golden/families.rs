//! Per-token losses of tiny random checkpoints equal those of transformers.

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;

/// f32 against f32: two orders of summation over some dozens of values.
const TOLERANCE_F32: f64 = 1e-4;
/// torch's arithmetic in bf16 keeps 8 bits: over layers of width 16 it parts from f32 by some hundredths of a nat.
const TOLERANCE_BF16: f64 = 0.15;
/// Roundings are at the same places on both sides. Where two orders of summation fall on either side of a half, an
/// activation differs by one unit in 256.
const TOLERANCE_ROUNDED: f64 = 5e-3;

#[derive(Deserialize)]
struct Expected {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
    nll: Vec<f64>,
    /// Everything in bf16, as torch computes it.
    nll_bf16: Option<Vec<f64>>,
    /// In `f32`, with the inputs of projections rounded.
    nll_bf16_products: Option<Vec<f64>>,
}

pub(crate) fn token_losses(checkpoint: &Checkpoint, dtype: Dtype, rows: &[Vec<u32>]) -> Vec<Vec<f64>> {
    let engine = Engine::new(checkpoint.load(dtype, &DeviceName::Cpu.open()).unwrap(), 2);
    let sequences: Vec<_> = rows
        .iter()
        .map(|ids| {
            let scored: Vec<bool> = (0..ids.len()).map(|token| token > 0).collect();
            Sequence::from_scored_tokens(ids.clone(), &scored).unwrap()
        })
        .collect();
    let losses = engine.losses(&sequences, Detail::PerToken).unwrap();
    losses.into_iter().map(|loss| loss.per_token.unwrap().into_iter().map(f64::from).collect()).collect()
}

fn check(name: &str) {
    let dir = fixture("models").join(name);
    let expected: Expected = read_json(&dir.join("expected.json"));
    let checkpoint = Checkpoint::open(&dir).unwrap();
    let ids: Vec<_> = expected.rows.iter().map(|row| row.input_ids.clone()).collect();
    let found = token_losses(&checkpoint, Dtype::F32, &ids);
    for (row, found) in expected.rows.iter().zip(&found) {
        assert_close(&format!("{name}, {} tokens", row.input_ids.len()), found, &row.nll, TOLERANCE_F32);
    }
    if checkpoint.dtype() == Dtype::F16 {
        // Stored weights, arithmetic in f32, as in the fixture.
        let as_stored = token_losses(&checkpoint, checkpoint.dtype(), &ids);
        for (row, found) in expected.rows.iter().zip(&as_stored) {
            assert_close(&format!("{name} as stored"), found, &row.nll, TOLERANCE_F32);
        }
    }
    if expected.rows.iter().any(|row| row.nll_bf16.is_some()) {
        let found = token_losses(&checkpoint, Dtype::Bf16, &ids);
        for (row, found) in expected.rows.iter().zip(&found) {
            let (all, products) = (row.nll_bf16.as_ref().unwrap(), row.nll_bf16_products.as_ref().unwrap());
            assert_close(&format!("{name} in bf16"), found, all, TOLERANCE_BF16);
            assert_close(&format!("{name} with products in bf16"), found, products, TOLERANCE_ROUNDED);
        }
    }
}

macro_rules! families {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { check($name); })*

        /// A fixture that no test reads would prove nothing.
        #[test]
        fn every_fixture_is_tested() {
            let mut present: Vec<String> = fs_err::read_dir(fixture("models"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let mut tested = vec![$($name.to_owned()),*];
            present.sort();
            tested.sort();
            assert_eq!(present, tested);
        }
    };
}

families! {
    llama_mha: "llama-mha",
    llama_gqa: "llama-gqa",
    llama_mqa_theta: "llama-mqa-theta",
    llama_tied: "llama-tied",
    llama_tied_head_only: "llama-tied-head-only",
    llama_head_dim: "llama-head-dim",
    llama_biases: "llama-biases",
    llama_rope_linear: "llama-rope-linear",
    llama_rope_dynamic: "llama-rope-dynamic",
    llama_rope_llama3: "llama-rope-llama3",
    llama_rope_yarn: "llama-rope-yarn",
    llama_rope_yarn_odd: "llama-rope-yarn-odd",
    mistral: "mistral",
    mistral_sliding: "mistral-sliding",
    qwen2: "qwen2",
    qwen2_sliding: "qwen2-sliding",
    qwen3: "qwen3",
    qwen3_biases: "qwen3-biases",
    smollm: "smollm",
    smollm3: "smollm3",
    llama_bf16: "llama-bf16",
    llama_f16: "llama-f16",
    llama_sharded: "llama-sharded",
}
