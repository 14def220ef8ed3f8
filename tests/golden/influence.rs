//! LESS on a tiny checkpoint equals PyTorch's: gradients, preconditioned gradients, cosines, scores.

use std::collections::BTreeMap;

use lobass_core::Sequence;
use lobass_influence::{Kind, Projection, Tasks, WarmUp, features};
use lobass_loss::Workers;
use lobass_model::AdapterCheckpoint;
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::AdamState;
use safetensors::SafeTensors;
use serde::Deserialize;

use crate::training::{Row, load};

/// Relative to the largest value: f32 on both sides.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    base: String,
    learning_rates: Vec<f64>,
    parameters: Vec<String>,
    pool: Vec<Row>,
    tasks: BTreeMap<String, Vec<Row>>,
    cosines: Vec<BTreeMap<String, Vec<Vec<f64>>>>,
    of_task: BTreeMap<String, Vec<f64>>,
    scores: Vec<f64>,
}

fn sequences(rows: &[Row]) -> Vec<Sequence> {
    rows.iter().map(Row::sequence).collect()
}

fn warm_ups(expected: &Expected) -> Vec<WarmUp> {
    let base = load(&expected.base);
    let open = |epoch: usize| {
        let dir = fixture(format!("influence/epoch-{epoch}"));
        let model = AdapterCheckpoint::open(&dir).unwrap().apply(&base).unwrap();
        WarmUp::new(model, AdamState::read(&dir.join("optimizer.safetensors")).unwrap()).unwrap()
    };
    (1..=expected.cosines.len()).map(open).collect()
}

/// Where each of PyTorch's values is among ours: its parameters may come in another order.
fn places(warm_up: &WarmUp, expected: &Expected) -> Vec<usize> {
    let mut starts = BTreeMap::new();
    let mut start = 0;
    for name in warm_up.parameter_names() {
        let n_values = warm_up.model().weight(name).unwrap().num_elements();
        starts.insert(name.to_owned(), start..start + n_values);
        start += n_values;
    }
    assert_eq!(starts.len(), expected.parameters.len());
    expected.parameters.iter().flat_map(|name| starts[name].clone()).collect()
}

fn relative(what: &str, found: &[f64], expected: &[f64]) {
    let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0, "{what}: nothing to compare with");
    assert_close(what, found, expected, TOLERANCE * largest);
}

#[test]
fn gradients_and_what_adam_makes_of_them() {
    let expected: Expected = read_json(&fixture("influence/expected.json"));
    for (at, warm_up) in warm_ups(&expected).iter().enumerate() {
        assert!((warm_up.learning_rate() - expected.learning_rates[at]).abs() < 1e-12);
        let bytes = fs_err::read(fixture(format!("influence/epoch-{}/vectors.safetensors", at + 1))).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let places = places(warm_up, &expected);
        let check = |name: &str, rows: &[Row], preconditioned: bool| {
            let view = tensors.tensor(name).unwrap();
            assert_eq!(view.shape(), [rows.len(), warm_up.n_values()]);
            let (values, _) = view.data().as_chunks::<4>();
            let values: Vec<f64> = values.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
            for (row, expected) in rows.iter().zip(values.chunks(warm_up.n_values())) {
                let mut found = warm_up.gradient(&row.sequence());
                if preconditioned {
                    warm_up.precondition(&mut found);
                }
                let found: Vec<f64> = places.iter().map(|&place| found[place].into()).collect();
                relative(&format!("epoch {}, {name}", at + 1), &found, expected);
            }
        };
        check("pool.gradient", &expected.pool, false);
        check("pool.preconditioned", &expected.pool, true);
        expected.tasks.iter().for_each(|(name, rows)| check(&format!("{name}.gradient"), rows, false));
    }
}

/// Scores of all rows for each task, and the largest.
fn influences(expected: &Expected, projection: Projection) -> Vec<lobass_influence::Influence> {
    let (warm_ups, workers) = (warm_ups(expected), Workers::new(2));
    let of = |warm_up: &WarmUp, rows: &[Row], kind| {
        features(warm_up, &sequences(rows), kind, projection, &workers)
    };
    let of_tasks = |warm_up| expected.tasks.values().map(|rows| of(warm_up, rows, Kind::Target)).collect();
    let rates: Vec<f64> = warm_ups.iter().map(WarmUp::learning_rate).collect();
    let targets: Vec<Vec<_>> = warm_ups.iter().map(of_tasks).collect();
    let tasks = Tasks::new(&rates, &targets).unwrap();
    let pool: Vec<_> = warm_ups.iter().map(|warm_up| of(warm_up, &expected.pool, Kind::Training)).collect();
    let row = |at: usize| {
        let vectors: Vec<&[f32]> = pool.iter().map(|rows| rows[at].as_deref().unwrap()).collect();
        tasks.influence(&vectors)
    };
    (0..expected.pool.len()).map(row).collect()
}

#[test]
fn cosines_and_scores_without_projection() {
    let expected: Expected = read_json(&fixture("influence/expected.json"));
    let (all, workers) = (Projection { seed: 0, dim: None }, Workers::new(2));
    for (warm_up, cosines) in warm_ups(&expected).iter().zip(&expected.cosines) {
        let pool = features(warm_up, &sequences(&expected.pool), Kind::Training, all, &workers);
        for (name, rows) in &expected.tasks {
            let targets = features(warm_up, &sequences(rows), Kind::Target, all, &workers);
            for (row, expected) in pool.iter().zip(&cosines[name]) {
                let cosine = |target: &Option<Vec<f32>>| -> f64 {
                    let pairs = row.iter().flatten().zip(target.iter().flatten());
                    pairs.map(|(&left, &right)| f64::from(left) * f64::from(right)).sum()
                };
                // Cosines are at most 1, and so is what they are measured against.
                assert_close(name, &targets.iter().map(cosine).collect::<Vec<_>>(), expected, TOLERANCE);
            }
        }
    }
    let found = influences(&expected, all);
    for (task, (name, expected)) in expected.of_task.iter().enumerate() {
        relative(name, &found.iter().map(|found| found.of_task[task]).collect::<Vec<_>>(), expected);
    }
    relative("scores", &found.iter().map(|found| found.score).collect::<Vec<_>>(), &expected.scores);
}

#[test]
fn projection_changes_scores_by_no_more_than_its_error() {
    let expected: Expected = read_json(&fixture("influence/expected.json"));
    let of_all = |projection| -> Vec<f64> {
        influences(&expected, projection).into_iter().flat_map(|found| found.of_task).collect()
    };
    let exact = of_all(Projection { seed: 0, dim: None });
    let mut squares = 0.0;
    for seed in 0..6 {
        let projected = of_all(Projection { seed, dim: Some(2048) });
        assert_ne!(projected, exact);
        squares += projected.iter().zip(&exact).map(|(one, other)| (one - other).powi(2)).sum::<f64>();
    }
    // The standard deviation of one product; means over rows and checkpoints have less.
    let deviation = (squares / (6 * exact.len()) as f64).sqrt();
    assert!(deviation <= (2f64 / 2048.0).sqrt(), "{deviation}");
}
