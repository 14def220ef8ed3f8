//! Training in mixed precision: losses of PyTorch's autocast, and gradients as far from those in f32 as rounding allows.

use lobass_core::{Dtype, Sequence};
use lobass_model::{AdapterCheckpoint, Decoder, Gradients};
use lobass_tests::{fixture, read_json};
use lobass_train::{Objective, TrainConfig, loss_gradients};
use serde::Deserialize;

use super::{Case, Recipe, Row, Step, load, with_prefix};

/// The relative error of rounding to bf16.
const ROUNDING: f64 = 1.0 / 512.0;

#[derive(Deserialize)]
struct Mixed {
    cases: Vec<MixedCase>,
}

#[derive(Deserialize)]
struct MixedCase {
    folder: String,
    name: String,
    steps: Vec<Step>,
}

/// Rows and recipe, and the base of an adapter.
#[derive(Deserialize)]
struct Expected {
    base: Option<String>,
    recipe: Recipe,
    rows: Vec<Row>,
    /// In f32.
    steps: Vec<Step>,
}

fn with_cases(check: impl Fn(&Case<'_>, &Expected)) {
    let mixed: Mixed = read_json(&fixture("mixed.json"));
    assert_eq!(mixed.cases.len(), 5);
    for MixedCase { folder, name, steps } in &mixed.cases {
        let dir = fixture(folder).join(name);
        let expected: Expected = read_json(&dir.join("expected.json"));
        let sequences: Vec<Sequence> = expected.rows.iter().map(Row::sequence).collect();
        let base = load(expected.base.as_deref().unwrap_or(name));
        let model = match expected.base {
            None => base,
            Some(_) => AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap(),
        };
        let case = Case {
            name: format!("mixed {folder} {name}"),
            dir,
            stored: &with_prefix(""),
            recipe: &expected.recipe,
            steps,
            model,
            objective: Objective::Sft(&sequences),
        };
        check(&case, &expected);
    }
}

fn mixed(case: &Case<'_>) -> TrainConfig {
    TrainConfig { products: Dtype::Bf16, ..case.config(20, false) }
}

#[test]
fn five_steps_have_the_losses_of_autocast() {
    with_cases(|case, exact| {
        let (model, steps) = case.train(&mixed(case), 2);
        for (at, (found, expected)) in steps.iter().zip(case.steps).enumerate() {
            // PyTorch rounds results of products too, logits among them. Gradients are off by one or two per cent of
            // their norms, so losses may be off by as much of what the steps changed.
            let tolerance = 0.01 + 0.02 * (steps[0].loss - found.loss).abs();
            let losses = (found.loss, expected.loss);
            assert!((losses.0 - losses.1).abs() < tolerance, "{}, step {at}: {losses:?}", case.name);
            let norms = (found.grad_norm, expected.grad_norm);
            assert!((norms.0 / norms.1 - 1.0).abs() < 0.05, "{}, step {at}: {norms:?}", case.name);
            let exact = exact.steps[at].loss;
            assert!(
                (found.loss - exact).abs() < tolerance,
                "{}, step {at}: {} for {exact}",
                case.name,
                found.loss
            );
            assert!((found.loss - exact).abs() > 1e-6, "{}, step {at}: {} is f32's", case.name, found.loss);
        }
        // Weights are not rounded.
        let (name, _) = model.trained_parameters().swap_remove(0);
        let values: Vec<f32> = model.weight(&name).unwrap().iter().collect();
        assert!(values.iter().any(|value| value.to_bits() & 0xffff != 0), "{}: {name}", case.name);
    });
}

#[test]
fn gradients_differ_by_rounding() {
    with_cases(|case, _| {
        let gradients = |products: Dtype| {
            let model = case.model.clone().with_products(products).unwrap();
            loss_gradients(&model, case.objective, 20, 2).1
        };
        let (exact, mixed) = (gradients(Dtype::F32), gradients(Dtype::Bf16));
        // A value passes at most 7 products in each layer and one in the head, forward and backward, and each rounds
        // two sides. To first order, with errors that do not cancel, these are as many errors of rounding.
        let n_products = 2.0 * (7 * case.model.spec().layers.len() + 1) as f64;
        let bound = 2.0 * n_products * ROUNDING;
        let error = distance(&case.model, &mixed, &exact) / exact.norm();
        assert!(error < bound, "{}: {error} of {bound}", case.name);
        assert!(error > 0.01 * ROUNDING, "{}: {error} is no rounding", case.name);
    });
}

/// The Euclidean norm of the difference of gradients.
fn distance(model: &Decoder, of: &Gradients, from: &Gradients) -> f64 {
    let mut sum = 0.0;
    for (_, id) in model.trained_parameters() {
        let values = |gradients: &Gradients| -> Vec<f32> {
            gradients.get(id).unwrap().to_data().iter::<f32>().collect()
        };
        for (of, from) in values(of).into_iter().zip(values(from)) {
            sum += f64::from(of - from).powi(2);
        }
    }
    sum.sqrt()
}

#[test]
fn neither_threads_nor_recomputation_change_a_bit() {
    with_cases(|case, _| {
        let (one, steps_one) = case.train(&mixed(case), 1);
        for (threads, recompute) in [(2, false), (3, true), (1, true)] {
            let config = TrainConfig { recompute, ..mixed(case) };
            let (other, steps) = case.train(&config, threads);
            assert_eq!(steps, steps_one, "{}: {threads} threads, recompute {recompute}", case.name);
            for (name, _) in one.parameter_names() {
                assert_eq!(one.weight(&name), other.weight(&name), "{name} on {threads} threads");
            }
        }
    });
}
