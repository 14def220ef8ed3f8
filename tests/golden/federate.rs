//! Averaging clients by their tokens after one step of gradient descent is one step on all rows.

use lobass_core::Sequence;
use lobass_federate::averaged;
use lobass_tests::{assert_close, fixture, read_json};
use lobass_train::{FlatParameters, Objective, loss_gradients};
use serde::Deserialize;

use crate::training::{Row, load};

#[derive(Deserialize)]
struct Case {
    base: String,
    pool: Vec<Row>,
}

#[test]
fn one_local_step_of_each_client_is_one_central_step() {
    let case: Case = read_json(&fixture("pds/model.json"));
    let rows: Vec<Sequence> = case.pool.iter().map(Row::sequence).collect();
    let model = load(&case.base);
    let flat = FlatParameters::of(&model);
    let start = flat.values(&model);
    let step = |rows: &[Sequence]| -> Vec<f32> {
        let (_, mut gradients) = loss_gradients(&model, Objective::Sft(rows), 64, 2);
        let gradient = flat.gradients(&mut gradients);
        start.iter().zip(gradient).map(|(weight, gradient)| weight - 0.1 * gradient).collect()
    };
    let clients = [&rows[..2], &rows[2..7], &rows[7..]];
    let after: Vec<Vec<f32>> = clients.iter().map(|rows| step(rows)).collect();
    let n_scored = |rows: &[Sequence]| rows.iter().map(Sequence::n_scored).sum::<usize>() as f64;
    let weights = clients.map(n_scored);
    assert!(weights[0] != weights[1], "clients of one size would hide the weights");
    let together =
        averaged(weights.into_iter().zip(&after).map(|(weight, after)| (weight, after.as_slice())));
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let central = step(&rows);
    assert_close("weights", &wide(&together), &wide(&central), 1e-6);
    assert!(
        central.iter().zip(&start).any(|(after, before)| (after - before).abs() > 1e-3),
        "a step was taken"
    );
}
