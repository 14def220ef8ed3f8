//! Gradients and five AdamW steps equal PyTorch's.

use burn::module::ParamId;
use lobass_core::Sequence;
use lobass_llama::{Checkpoint, DeviceName, Dtype, Llama};
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::{Event, Schedule, StepReport, TrainConfig, TrainData, fine_tune, mean_loss_gradients};
use safetensors::SafeTensors;
use serde::Deserialize;

/// f32 on both sides, five steps included.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    recipe: Recipe,
    rows: Vec<Row>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Recipe {
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    weight_decay: f64,
    max_grad_norm: f64,
    warmup_ratio: f64,
}

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
    scored: Vec<bool>,
}

#[derive(Deserialize)]
struct Step {
    loss: f64,
    grad_norm: f64,
    learning_rate: f64,
}

struct Case {
    name: &'static str,
    expected: Expected,
    model: Llama,
    sequences: Vec<Sequence>,
}

impl Case {
    fn open(name: &'static str) -> Self {
        let expected: Expected = read_json(&fixture("training").join(name).join("expected.json"));
        let checkpoint = Checkpoint::open(fixture("models").join(name)).unwrap();
        let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let sequences = expected
            .rows
            .iter()
            .map(|row| Sequence::from_scored_tokens(row.input_ids.clone(), &row.scored).unwrap())
            .collect();
        Self { name, expected, model, sequences }
    }

    fn tensors(&self, file: &str, check: impl Fn(&str, Vec<f64>)) {
        let bytes = fs_err::read(fixture("training").join(self.name).join(file)).unwrap();
        let mut count = 0;
        for (name, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
            let (values, rest) = view.data().as_chunks::<4>();
            assert!(rest.is_empty());
            check(&name, values.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect());
            count += 1;
        }
        assert_eq!(count, self.model.parameter_names().len(), "{}: a tensor for every parameter", self.name);
    }

    fn config(&self, micro_batch_tokens: usize) -> TrainConfig {
        let Recipe { learning_rate, beta_1, beta_2, epsilon, weight_decay, max_grad_norm, warmup_ratio } =
            self.expected.recipe;
        TrainConfig {
            epochs: 5, // one step each: every batch is the whole fixture
            batch_size: self.sequences.len(),
            learning_rate,
            schedule: Schedule::Cosine,
            warmup_ratio,
            weight_decay,
            beta_1,
            beta_2,
            epsilon,
            max_grad_norm,
            seed: 1,
            micro_batch_tokens,
        }
    }

    fn train(&self, micro_batch_tokens: usize, threads: usize) -> (Llama, Vec<StepReport>) {
        let data = TrainData { train: &self.sequences, held_out: &[], eval_every: 0 };
        let mut steps = Vec::new();
        let (model, _) =
            fine_tune(self.model.clone(), &data, &self.config(micro_batch_tokens), threads, &mut |event| {
                if let Event::Step(step) = event {
                    steps.push(step);
                }
            })
            .unwrap();
        (model, steps)
    }
}

fn values(model: &Llama, name: &str) -> Vec<f64> {
    model.weight(name).unwrap().iter::<f32>().map(f64::from).collect()
}

fn check(name: &'static str) {
    let case = Case::open(name);
    let (loss, gradients) = mean_loss_gradients(&case.model, &case.sequences, 20, 2);
    assert_close(&format!("{name}: loss"), &[loss], &[case.expected.steps[0].loss], TOLERANCE);
    let ids: Vec<(String, ParamId)> = case.model.parameter_names();
    case.tensors("gradients.safetensors", |tensor, expected| {
        let (_, id) = ids.iter().find(|(name, _)| name == tensor).unwrap();
        let found = match case.model.weight(tensor).unwrap().shape().len() {
            1 => gradients.get::<1>(*id).unwrap().into_data(),
            _ => gradients.get::<2>(*id).unwrap().into_data(),
        };
        let found: Vec<f64> = found.iter::<f32>().map(f64::from).collect();
        assert_close(&format!("{name}: gradient of {tensor}"), &found, &expected, TOLERANCE);
    });

    let (model, steps) = case.train(20, 2);
    let of = |number: fn(&StepReport) -> f64| steps.iter().map(number).collect::<Vec<_>>();
    let expected = |number: fn(&Step) -> f64| case.expected.steps.iter().map(number).collect::<Vec<_>>();
    assert_close(&format!("{name}: losses"), &of(|s| s.loss), &expected(|s| s.loss), TOLERANCE);
    assert_close(
        &format!("{name}: norms"),
        &of(|s| s.grad_norm),
        &expected(|s| s.grad_norm),
        10.0 * TOLERANCE,
    );
    assert_close(&format!("{name}: rates"), &of(|s| s.learning_rate), &expected(|s| s.learning_rate), 1e-12);
    case.tensors("weights.safetensors", |tensor, expected| {
        assert_close(
            &format!("{name}: {tensor} after 5 steps"),
            &values(&model, tensor),
            &expected,
            TOLERANCE,
        );
    });
}

#[test]
fn five_steps_llama_gqa() {
    check("llama-gqa");
}

#[test]
fn five_steps_llama_tied() {
    check("llama-tied");
}

#[test]
fn five_steps_llama_biases() {
    check("llama-biases");
}

#[test]
fn five_steps_qwen3() {
    check("qwen3");
}

#[test]
fn five_steps_mistral_sliding() {
    check("mistral-sliding");
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let case = Case::open("llama-gqa");
    let (one, steps_one) = case.train(20, 1);
    for threads in [2, 3, 8] {
        let (other, steps) = case.train(20, threads);
        assert_eq!(steps, steps_one, "{threads} threads");
        for (name, _) in one.parameter_names() {
            assert_eq!(one.weight(&name), other.weight(&name), "{name} on {threads} threads");
        }
    }
}

#[test]
fn how_a_batch_is_cut_changes_rounding_only() {
    let case = Case::open("llama-gqa");
    let (_, whole) = case.train(1000, 2);
    let (_, cut) = case.train(1, 2);
    for (whole, cut) in whole.iter().zip(&cut) {
        assert_close("loss", &[cut.loss], &[whole.loss], 1e-5);
    }
}
