//! The recursion on quadratic landscapes, where everything has a closed form.

use super::*;
use crate::Error;

/// `l_n = |theta - c_n|^2 / 2`, and a target of the same form: the Hessian is 1.
struct Bowl {
    rows: Vec<[f64; 2]>,
    target: [f64; 2],
}

impl Bowl {
    fn row_gradient(&self, row: usize, weights: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|at| weights[at] - self.rows[row][at])
    }

    fn batch_gradient(&self, weights: [f64; 2], batch: &[usize]) -> [f64; 2] {
        let n = batch.len() as f64;
        [0, 1].map(|at| batch.iter().map(|&row| self.row_gradient(row, weights)[at]).sum::<f64>() / n)
    }
}

impl Landscape for Bowl {
    type Weights = [f64; 2];

    fn step(&self, weights: &[f64; 2], batch: &[usize], learning_rate: f64) -> Result<[f64; 2], Error> {
        let gradient = self.batch_gradient(*weights, batch);
        Ok([0, 1].map(|at| weights[at] - learning_rate * gradient[at]))
    }

    fn target_gradient(&self, weights: &[f64; 2]) -> Result<Vec<f64>, Error> {
        Ok((0..2).map(|at| weights[at] - self.target[at]).collect())
    }

    fn curvature(&self, _: &[f64; 2], _: &[usize], vector: &[f64]) -> Result<Vec<f64>, Error> {
        Ok(vector.to_vec())
    }
}

fn bowl() -> Bowl {
    let rows = vec![[2.0, 1.0], [-2.0, -1.0], [0.5, -1.0], [2.0, 1.0], [1.0, 0.0]];
    Bowl { rows, target: [2.0, 1.0] }
}

const STEPS: usize = 9;

fn scores(bowl: &Bowl, learning_rate: f64, curvature: Curvature) -> Result<(Vec<f64>, CoState), Error> {
    let batches: Vec<Vec<usize>> = (0..STEPS).map(|step| vec![step % 5, (step + 2) % 5]).collect();
    let mut states = vec![[0.0; 2]];
    for batch in &batches {
        states.push(bowl.step(&states[states.len() - 1], batch, learning_rate)?);
    }
    let mut costate = CoState::at_end(bowl, &states[STEPS], STEPS)?;
    let mut scores = vec![0.0; bowl.rows.len()];
    for step in (0..STEPS).rev() {
        assert_eq!(costate.at, step + 1, "the co-state after the step");
        for (row, score) in scores.iter_mut().enumerate() {
            let gradient = bowl.row_gradient(row, states[step]);
            *score += learning_rate * (0..2).map(|at| gradient[at] * costate.vector[at]).sum::<f64>();
        }
        costate.back(bowl, &states[step], &batches[step], learning_rate, curvature)?;
    }
    Ok((scores, costate))
}

#[test]
fn a_quadratic_has_its_closed_form() {
    let (bowl, rate) = (bowl(), 0.2);
    let (found, last) = scores(&bowl, rate, Curvature::Exact).unwrap();
    // lambda_t = sum_{k >= t} (1 - eta)^{k - t} grad J(theta_k), from the trajectory alone.
    let mut states = vec![[0.0; 2]];
    for step in 0..STEPS {
        states.push(bowl.step(&states[step], &[step % 5, (step + 2) % 5], rate).unwrap());
    }
    let costate = |t: usize| {
        [0, 1].map(|at| {
            let term = |k: usize| {
                (1.0 - rate).powi(i32::try_from(k - t).unwrap()) * (states[k][at] - bowl.target[at])
            };
            (t..=STEPS).map(term).sum::<f64>()
        })
    };
    for (row, found) in found.iter().enumerate() {
        let of_step = |t: usize| {
            let (gradient, costate) = (bowl.row_gradient(row, states[t]), costate(t + 1));
            rate * (gradient[0] * costate[0] + gradient[1] * costate[1])
        };
        let expected: f64 = (0..STEPS).map(of_step).sum();
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} {expected}");
    }
    let first = costate(0);
    assert!((0..2).all(|at| (last.vector[at] - first[at]).abs() < 1e-12));
    assert!((last.growth.largest_curvature - 1.0).abs() < 1e-12);
    // The row in the target's place ranks first, the opposite one last, and a copy is the same.
    assert_eq!(found[0], found[3]);
    assert!((1..5).all(|row| found[0] >= found[row]) && (0..5).all(|row| found[1] <= found[row]));
}

#[test]
fn without_curvature_scores_differ_by_the_square_of_the_learning_rate() {
    let gap = |rate: f64| {
        let of = |curvature| scores(&bowl(), rate, curvature).unwrap().0;
        let (exact, first) = (of(Curvature::Exact), of(Curvature::None));
        exact.iter().zip(&first).map(|(exact, first)| (exact - first).abs()).fold(0.0, f64::max)
    };
    let ratio = gap(2e-3) / gap(1e-3);
    assert!((ratio - 4.0).abs() < 0.1, "{ratio}");
}

#[test]
fn a_step_that_is_too_large_is_refused() {
    let error = scores(&bowl(), 5.0, Curvature::Exact).unwrap_err();
    assert!(matches!(error, Error::Unstable { curvature, .. } if (curvature - 1.0).abs() < 1e-12), "{error}");
    let message = error.to_string();
    assert!(message.contains("learning rate") && message.contains("below 2"), "{message}");
    let there = Bowl { rows: vec![[1.0, 1.0]], target: [0.0, 0.0] };
    assert_eq!(CoState::at_end(&there, &[0.0; 2], 3).unwrap_err(), Error::FlatTarget);
}

#[test]
fn names_are_read_back() {
    for name in Curvature::NAMES {
        assert_eq!(name.parse::<Curvature>().unwrap().to_string(), name);
    }
    for name in RowLoss::NAMES {
        assert_eq!(name.parse::<RowLoss>().unwrap().to_string(), name);
    }
    assert!("all".parse::<Curvature>().unwrap_err().contains("exact or none"));
    assert!("all".parse::<RowLoss>().unwrap_err().contains("mean or sum"));
}
