//! Scores of PDS equal derivatives by PyTorch through a whole training.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_influence::Error;
use lobass_influence::pds::{CoState, Curvature, Descent, Landscape, Probe, RowLoss, Target};
use lobass_loss::Engine;
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;

use crate::training::{Row, load};

/// Of the largest value. Differences stand for second derivatives, in f32.
const DIFFERENCES: f64 = 1e-3;
/// The same for closed forms in f64.
const EXACT: f64 = 1e-6;

#[derive(Deserialize)]
struct Expected {
    learning_rate: f64,
    batches: Vec<Vec<usize>>,
    every: usize,
    scores: Vec<f64>,
    thinned: Vec<f64>,
    first_order: Vec<f64>,
    norms: Vec<f64>,
    curvature: f64,
}

#[derive(Deserialize)]
struct ModelCase {
    base: String,
    pool: Vec<Row>,
    tasks: BTreeMap<String, Vec<Row>>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Deserialize)]
struct Point {
    features: Vec<f64>,
    label: usize,
}

#[derive(Deserialize)]
struct SoftmaxCase {
    start: Vec<Vec<f64>>,
    pool: Vec<Point>,
    target: Vec<Point>,
    #[serde(flatten)]
    expected: Expected,
}

/// What a sweep from the last step to the first finds.
struct Swept {
    scores: Vec<f64>,
    norms: Vec<f64>,
    curvature: f64,
}

/// The product of each row's gradient with a vector, at some weights.
type Contributions<'a, L> = dyn Fn(&<L as Landscape>::Weights, &[f64]) -> Vec<f64> + 'a;

/// Runs a training and the co-state, with scores at every so many steps. `contributions` gives the product of each
/// row's gradient with a vector.
fn sweep<L: Landscape>(
    landscape: &L,
    start: L::Weights,
    expected: &Expected,
    every: usize,
    curvature: Curvature,
    contributions: &Contributions<'_, L>,
) -> Result<Swept, Error> {
    let Expected { batches, learning_rate: rate, .. } = expected;
    let mut states = vec![start];
    for batch in batches {
        states.push(landscape.step(states.last().unwrap(), batch, *rate)?);
    }
    let mut costate = CoState::at_end(landscape, states.last().unwrap(), batches.len())?;
    let (mut scores, mut norms) = (Vec::new(), vec![costate.norm()]);
    for (step, batch) in batches.iter().enumerate().rev() {
        if step % every == 0 {
            let found = contributions(&states[step], &costate.vector);
            scores.resize(found.len(), 0.0);
            scores.iter_mut().zip(found).for_each(|(score, value)| *score += every as f64 * rate * value);
        }
        costate.back(landscape, &states[step], batch, *rate, curvature)?;
        norms.push(costate.norm());
    }
    Ok(Swept { scores, norms, curvature: costate.growth.largest_curvature })
}

fn check(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    assert_close(what, found, expected, tolerance * largest);
}

/// All variants of one landscape.
fn check_all<L: Landscape>(
    landscape: &L,
    start: &dyn Fn() -> L::Weights,
    expected: &Expected,
    contributions: &Contributions<'_, L>,
    tolerance: f64,
) {
    let run =
        |every, curvature| sweep(landscape, start(), expected, every, curvature, contributions).unwrap();
    let exact = run(1, Curvature::Exact);
    check("scores", &exact.scores, &expected.scores, tolerance);
    check("norms", &exact.norms, &expected.norms, tolerance);
    check("curvature", &[exact.curvature], &[expected.curvature], 10.0 * tolerance);
    check("thinned", &run(expected.every, Curvature::Exact).scores, &expected.thinned, tolerance);
    check("first order", &run(1, Curvature::None).scores, &expected.first_order, tolerance);
}

/// Softmax regression: one matrix, `[features, classes]`.
struct Softmax<'a> {
    pool: &'a [Point],
    target: &'a [Point],
    classes: usize,
}

impl Softmax<'_> {
    fn probabilities(&self, weights: &[f64], point: &Point) -> Vec<f64> {
        let score = |class: usize| {
            let parts = point.features.iter().enumerate();
            parts.map(|(at, value)| value * weights[at * self.classes + class]).sum::<f64>().exp()
        };
        let scores: Vec<f64> = (0..self.classes).map(score).collect();
        let sum: f64 = scores.iter().sum();
        scores.into_iter().map(|score| score / sum).collect()
    }

    /// The outer product of a point's features with a value for each class.
    fn outer(point: &Point, of_class: &[f64]) -> Vec<f64> {
        point.features.iter().flat_map(|value| of_class.iter().map(move |other| value * other)).collect()
    }

    fn gradient(&self, weights: &[f64], point: &Point) -> Vec<f64> {
        let mut of_class = self.probabilities(weights, point);
        of_class[point.label] -= 1.0;
        Self::outer(point, &of_class)
    }

    fn mean<'a>(points: impl Iterator<Item = &'a Point>, of: impl Fn(&Point) -> Vec<f64>) -> Vec<f64> {
        let (mut sum, mut n) = (Vec::new(), 0.0);
        for point in points {
            let found = of(point);
            sum.resize(found.len(), 0.0);
            sum.iter_mut().zip(found).for_each(|(sum, value)| *sum += value);
            n += 1.0;
        }
        sum.into_iter().map(|sum| sum / n).collect()
    }
}

impl Landscape for Softmax<'_> {
    type Weights = Vec<f64>;

    fn step(&self, weights: &Vec<f64>, batch: &[usize], rate: f64) -> Result<Vec<f64>, Error> {
        let rows = batch.iter().map(|&at| &self.pool[at]);
        let gradient = Self::mean(rows, |point| self.gradient(weights, point));
        Ok(weights.iter().zip(gradient).map(|(weight, gradient)| weight - rate * gradient).collect())
    }

    fn target_gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(Self::mean(self.target.iter(), |point| self.gradient(weights, point)))
    }

    fn curvature(&self, weights: &Vec<f64>, batch: &[usize], vector: &[f64]) -> Result<Vec<f64>, Error> {
        let product = |point: &Point| {
            let p = self.probabilities(weights, point);
            let along = |class: usize| {
                let parts = point.features.iter().enumerate();
                parts.map(|(at, value)| value * vector[at * self.classes + class]).sum::<f64>()
            };
            let along: Vec<f64> = (0..self.classes).map(along).collect();
            let mean: f64 = p.iter().zip(&along).map(|(p, along)| p * along).sum();
            let of_class: Vec<f64> = p.iter().zip(&along).map(|(p, along)| p * (along - mean)).collect();
            Self::outer(point, &of_class)
        };
        Ok(Self::mean(batch.iter().map(|&at| &self.pool[at]), product))
    }
}

#[test]
fn softmax_regression_with_its_hessian() {
    let case: SoftmaxCase = read_json(&fixture("pds/softmax.json"));
    let softmax = Softmax { pool: &case.pool, target: &case.target, classes: case.start[0].len() };
    let contributions = |weights: &Vec<f64>, vector: &[f64]| -> Vec<f64> {
        let dot = |point: &Point| {
            softmax.gradient(weights, point).iter().zip(vector).map(|(left, right)| left * right).sum()
        };
        case.pool.iter().map(dot).collect()
    };
    let start = || case.start.concat();
    check_all(&softmax, &start, &case.expected, &contributions, EXACT);
}

#[test]
fn a_model_by_differences() {
    let case: ModelCase = read_json(&fixture("pds/model.json"));
    let sequences = |rows: &[Row]| rows.iter().map(Row::sequence).collect::<Vec<Sequence>>();
    let pool = sequences(&case.pool);
    let target = Target::new(case.tasks.values().map(|rows| sequences(rows)).collect()).unwrap();
    let descent = Descent::new(load(&case.base), &pool, &target, RowLoss::Mean, 2).unwrap();
    let contributions = |weights: &Vec<f32>, vector: &[f64]| -> Vec<f64> {
        let probe = Probe::new(weights, vector, Probe::ROWS);
        let losses = probe.weights(weights, vector).map(|weights| {
            let engine = Engine::new(descent.with(&weights), 2);
            let losses = engine.losses(&pool, Detail::Sum).unwrap().into_iter();
            losses.map(|loss| RowLoss::Mean.of(loss.nll, descent.mean_scored())).collect::<Vec<_>>()
        });
        losses[0].iter().zip(&losses[1]).map(|(&plus, &minus)| probe.product(plus, minus)).collect()
    };
    let start = || descent.start();
    check_all(&descent, &start, &case.expected, &contributions, DIFFERENCES);

    // Two copies score equal, to the bit, and any number of threads gives the same gradients.
    let (weights, one) =
        (descent.start(), Descent::new(load(&case.base), &pool, &target, RowLoss::Mean, 1).unwrap());
    let gradient = descent.target_gradient(&weights).unwrap();
    assert_eq!(gradient, one.target_gradient(&weights).unwrap());
    let found = contributions(&weights, &gradient);
    assert_eq!(found[8].to_bits(), found[9].to_bits());
}

#[test]
fn sums_weigh_rows_by_their_tokens() {
    let case: ModelCase = read_json(&fixture("pds/model.json"));
    let pool: Vec<Sequence> = case.pool.iter().map(Row::sequence).collect();
    let target = Target::new(vec![pool[..1].to_vec()]).unwrap();
    let step = |row_loss, batch: &[usize]| {
        let descent = Descent::new(load(&case.base), &pool, &target, row_loss, 2).unwrap();
        let start = descent.start();
        let moved = descent.step(&start, batch, 0.01).unwrap();
        let moved =
            moved.iter().zip(&start).map(|(after, before)| f64::from(after - before)).collect::<Vec<_>>();
        (moved, descent.mean_scored())
    };
    let (by_sum, mean_scored) = step(RowLoss::Sum, &[1, 4]);
    let [first, second] = [1, 4].map(|at| step(RowLoss::Mean, &[at]).0);
    let weight = |at: usize| pool[at].n_scored() as f64 / (2.0 * mean_scored);
    let together: Vec<f64> =
        first.iter().zip(&second).map(|(first, second)| weight(1) * first + weight(4) * second).collect();
    check("steps", &by_sum, &together, 1e-3);
    assert!(pool[1].n_scored() != pool[4].n_scored());
    assert!(matches!(
        Target::new(vec![pool.clone(), Vec::new()]),
        Err(Error::EmptyTask { task: 1, n_rows: 0 })
    ));
}
