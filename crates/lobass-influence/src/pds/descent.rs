//! The training of a model, as the recursion sees it.

use std::fmt;
use std::str::FromStr;

use lobass_core::{Nll, Sequence};
use lobass_loss::Workers;
use lobass_model::Decoder;
use lobass_train::{FlatParameters, sequence_gradients};
use serde::{Deserialize, Serialize};

use super::probe::moved;
use super::{Landscape, Probe};
use crate::Error;

/// The loss of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowLoss {
    /// The mean over its scored tokens, as PDS has it.
    #[default]
    Mean,
    /// The sum over its scored tokens, divided by the mean number of scored tokens of the pool: long rows weigh more.
    Sum,
}

impl RowLoss {
    const ALL: [(Self, &'static str); 2] = [(Self::Mean, "mean"), (Self::Sum, "sum")];
    /// The names of both.
    pub const NAMES: [&'static str; 2] = [Self::ALL[0].1, Self::ALL[1].1];

    /// The loss of a row, in nats, given its sum over scored tokens. `mean_scored` is the mean number of scored tokens
    /// of the pool.
    pub fn of(self, nll: Nll, mean_scored: f64) -> f64 {
        match self {
            Self::Mean => nll.sum / nll.n_scored as f64,
            Self::Sum => nll.sum / mean_scored,
        }
    }

    /// The factor of the mean over a row's tokens.
    fn weight(self, n_scored: usize, mean_scored: f64) -> f64 {
        match self {
            Self::Mean => 1.0,
            Self::Sum => n_scored as f64 / mean_scored,
        }
    }
}

impl fmt::Display for RowLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(loss, _)| loss == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for RowLoss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        let expected = || format!("expected {}, found `{text}`", Self::NAMES.join(" or "));
        found.map(|(loss, _)| loss).ok_or_else(expected)
    }
}

/// The rows whose loss is to fall: the mean over tasks of the mean over a task's rows of the mean over a row's tokens.
///
/// Source: the mean over rows is that of PDS's code, which has one task. The mean over tasks is lobass's.
#[derive(Debug)]
pub struct Target {
    rows: Vec<(Sequence, f64)>,
}

impl Target {
    /// Takes the rows of each task.
    ///
    /// # Errors
    /// [`Error::EmptyTask`] if a task has no row in which something is scored.
    pub fn new(tasks: Vec<Vec<Sequence>>) -> Result<Self, Error> {
        let n_tasks = tasks.len() as f64;
        let mut rows = Vec::new();
        for (task, of_task) in tasks.into_iter().enumerate() {
            let n_rows = of_task.len();
            let usable: Vec<Sequence> = of_task.into_iter().filter(|row| row.n_scored() > 0).collect();
            if usable.is_empty() {
                return Err(Error::EmptyTask { task, n_rows });
            }
            let weight = 1.0 / (n_tasks * usable.len() as f64);
            rows.extend(usable.into_iter().map(|row| (row, weight)));
        }
        Ok(Self { rows })
    }

    /// Its rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Plain gradient descent on the trained parameters of a model: no momentum, decay, clipping, or dropout. The loss of a
/// batch is the mean of the losses of its rows.
///
/// Weights are all trained parameters one after the other, in f32. Gradients are added in f64, row by row, so they do not
/// depend on the number of threads.
#[derive(Debug)]
pub struct Descent<'a> {
    model: Decoder,
    parameters: FlatParameters,
    pool: &'a [Sequence],
    target: &'a Target,
    row_loss: RowLoss,
    mean_scored: f64,
    workers: Workers,
}

impl<'a> Descent<'a> {
    /// Takes a model, the rows that it is trained on, and the target.
    ///
    /// # Errors
    /// [`Error::NothingTrained`] if the model has no trained parameters.
    ///
    /// # Panics
    /// If nothing is scored in a row of the pool, or the model's layers are read when they are needed.
    pub fn new(
        model: Decoder,
        pool: &'a [Sequence],
        target: &'a Target,
        row_loss: RowLoss,
        threads: usize,
    ) -> Result<Self, Error> {
        assert!(pool.iter().all(|row| row.n_scored() > 0), "something is scored in each row");
        let parameters = FlatParameters::of(&model);
        if parameters.is_empty() {
            return Err(Error::NothingTrained);
        }
        let workers = Workers::for_model(&model, threads);
        let mean_scored = mean_scored(pool.iter().map(Sequence::n_scored));
        Ok(Self { model, parameters, pool, target, row_loss, mean_scored, workers })
    }

    /// The number of weights.
    pub fn n_values(&self) -> usize {
        self.parameters.n_values()
    }

    /// The mean number of scored tokens of the pool's rows.
    pub fn mean_scored(&self) -> f64 {
        self.mean_scored
    }

    /// The weights of the model that it was made with.
    pub fn start(&self) -> Vec<f32> {
        self.parameters.values(&self.model)
    }

    /// The model with other weights.
    ///
    /// # Panics
    /// If there are not as many weights as the model has.
    pub fn with(&self, weights: &[f32]) -> Decoder {
        self.parameters.put(self.model.clone(), weights)
    }

    /// The loss of the target, in nats a token.
    ///
    /// # Panics
    /// If there are not as many weights as the model has.
    pub fn target_loss(&self, weights: &[f32]) -> f64 {
        self.of_target(weights).0
    }

    /// The gradient of a weighted sum of mean losses of rows, and that sum.
    fn gradient(&self, model: &Decoder, rows: &[(&Sequence, f64)]) -> (f64, Vec<f64>) {
        let (mut loss, mut sum) = (0.0, vec![0.0f64; self.n_values()]);
        for rows in rows.chunks(self.workers.count()) {
            let order: Vec<usize> = (0..rows.len()).collect();
            let parts = self.workers.run(&order, |at| {
                let (loss, mut gradients) = sequence_gradients(model, rows[at].0);
                (loss, self.parameters.gradients(&mut gradients))
            });
            for ((of_row, gradient), (_, weight)) in parts.into_iter().zip(rows) {
                loss += weight * of_row;
                sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += weight * f64::from(value));
            }
        }
        (loss, sum)
    }

    /// The gradient of the loss of a batch, and the loss.
    fn of_batch(&self, weights: &[f32], batch: &[usize]) -> (f64, Vec<f64>) {
        let weighted = |&at: &usize| {
            let row = &self.pool[at];
            (row, self.row_loss.weight(row.n_scored(), self.mean_scored) / batch.len() as f64)
        };
        self.gradient(&self.with(weights), &batch.iter().map(weighted).collect::<Vec<_>>())
    }

    /// The loss of the target and its gradient.
    fn of_target(&self, weights: &[f32]) -> (f64, Vec<f64>) {
        let rows: Vec<(&Sequence, f64)> =
            self.target.rows.iter().map(|(row, weight)| (row, *weight)).collect();
        self.gradient(&self.with(weights), &rows)
    }
}

impl Landscape for Descent<'_> {
    type Weights = Vec<f32>;

    fn step(&self, weights: &Vec<f32>, batch: &[usize], learning_rate: f64) -> Result<Vec<f32>, Error> {
        let (loss, gradient) = self.of_batch(weights, batch);
        finite("a batch", loss, &gradient)?;
        Ok(moved(weights, -learning_rate, &gradient))
    }

    fn target_gradient(&self, weights: &Vec<f32>) -> Result<Vec<f64>, Error> {
        let (loss, gradient) = self.of_target(weights);
        finite("the target", loss, &gradient)?;
        Ok(gradient)
    }

    /// By a central difference of gradients.
    fn curvature(&self, weights: &Vec<f32>, batch: &[usize], vector: &[f64]) -> Result<Vec<f64>, Error> {
        let probe = Probe::new(weights, vector, Probe::CURVATURE);
        let [plus, minus] = probe.weights(weights, vector).map(|weights| self.of_batch(&weights, batch));
        for (loss, gradient) in [&plus, &minus] {
            finite("a batch", *loss, gradient)?;
        }
        Ok(plus.1.iter().zip(&minus.1).map(|(&plus, &minus)| probe.product(plus, minus)).collect())
    }
}

/// The mean number of scored tokens.
fn mean_scored(counts: impl Iterator<Item = usize>) -> f64 {
    let (n_rows, n_scored) = counts.fold((0usize, 0usize), |(rows, sum), count| (rows + 1, sum + count));
    n_scored as f64 / n_rows.max(1) as f64
}

fn finite(of: &'static str, loss: f64, gradient: &[f64]) -> Result<(), Error> {
    match loss.is_finite() && gradient.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(Error::Diverged { of, loss: loss.to_string() }),
    }
}
