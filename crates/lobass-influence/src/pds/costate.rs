//! The co-state, from the last step back to the first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Landscape;
use crate::Error;

/// Whether the recursion has its second-order term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curvature {
    /// It has, as PDS: two gradients of each batch more.
    #[default]
    Exact,
    /// It has not: the co-state is the sum of the target's later gradients.
    None,
}

impl Curvature {
    const ALL: [(Self, &'static str); 2] = [(Self::Exact, "exact"), (Self::None, "none")];
    /// The names of both.
    pub const NAMES: [&'static str; 2] = [Self::ALL[0].1, Self::ALL[1].1];
}

impl fmt::Display for Curvature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(curvature, _)| curvature == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for Curvature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        let expected = || format!("expected {}, found `{text}`", Self::NAMES.join(" or "));
        found.map(|(curvature, _)| curvature).ok_or_else(expected)
    }
}

/// How a co-state has grown so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// All steps of the training.
    pub n_steps: usize,
    /// The largest norm of a gradient of the target.
    pub largest_gradient: f64,
    /// The largest of all `|H lambda| / |lambda|`: an estimate of the top curvature. 0 without curvature.
    pub largest_curvature: f64,
}

/// The co-state `lambda_t` of a training of `T` steps.
#[derive(Debug, Clone, PartialEq)]
pub struct CoState {
    /// Which `t` it belongs to, from `T` down to 0.
    pub at: usize,
    /// A value for each weight.
    pub vector: Vec<f64>,
    /// The co-state without curvature; the same as `vector` if that has none. It costs nothing more.
    pub first_order: Vec<f64>,
    /// How it has grown.
    pub growth: Growth,
}

/// The co-state may be this many times as large as a sum of the target's gradients can be.
const SLACK: f64 = 10.0;

impl CoState {
    /// The co-state after the last step: the gradient of the target's loss at the last weights.
    ///
    /// # Errors
    /// Those of the landscape, and [`Error::FlatTarget`] if the gradient is zero.
    pub fn at_end<L: Landscape>(landscape: &L, last: &L::Weights, n_steps: usize) -> Result<Self, Error> {
        let vector = landscape.target_gradient(last)?;
        let largest_gradient = norm(&vector);
        if largest_gradient == 0.0 {
            return Err(Error::FlatTarget);
        }
        let growth = Growth { n_steps, largest_gradient, largest_curvature: 0.0 };
        Ok(Self { at: n_steps, first_order: vector.clone(), vector, growth })
    }

    /// Goes from `lambda_{t+1}` to `lambda_t`, with the weights and the batch of step `t`.
    ///
    /// # Errors
    /// Those of the landscape, and [`Error::Unstable`] if the co-state grows faster than gradients of the target can
    /// make it: the learning rate times the curvature is above 2.
    ///
    /// # Panics
    /// If it is at the first step already.
    pub fn back<L: Landscape>(
        &mut self,
        landscape: &L,
        weights: &L::Weights,
        batch: &[usize],
        learning_rate: f64,
        curvature: Curvature,
    ) -> Result<(), Error> {
        self.at = self.at.checked_sub(1).expect("there is a step before");
        let gradient = landscape.target_gradient(weights)?;
        self.growth.largest_gradient = self.growth.largest_gradient.max(norm(&gradient));
        if curvature == Curvature::Exact {
            let product = landscape.curvature(weights, batch, &self.vector)?;
            let ratio = norm(&product) / norm(&self.vector);
            self.growth.largest_curvature = self.growth.largest_curvature.max(ratio);
            add(&mut self.vector, -learning_rate, &product);
        }
        add(&mut self.vector, 1.0, &gradient);
        add(&mut self.first_order, 1.0, &gradient);
        self.check(learning_rate)
    }

    /// The guard of the step size.
    fn check(&self, learning_rate: f64) -> Result<(), Error> {
        let Growth { n_steps, largest_gradient, largest_curvature } = self.growth;
        let (norm, bound) = (self.norm(), SLACK * (n_steps - self.at + 1) as f64 * largest_gradient);
        if norm <= bound {
            return Ok(());
        }
        Err(Error::Unstable { step: self.at, norm, bound, learning_rate, curvature: largest_curvature })
    }

    /// Its Euclidean norm.
    pub fn norm(&self) -> f64 {
        norm(&self.vector)
    }

    /// The cosine of the angle to the co-state without curvature: near 1, curvature changes little.
    pub fn agreement(&self) -> f64 {
        let dot: f64 = self.vector.iter().zip(&self.first_order).map(|(left, right)| left * right).sum();
        dot / (norm(&self.vector) * norm(&self.first_order))
    }
}

fn add(sum: &mut [f64], factor: f64, values: &[f64]) {
    assert_eq!(sum.len(), values.len(), "a value for each weight");
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

pub(super) fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}
