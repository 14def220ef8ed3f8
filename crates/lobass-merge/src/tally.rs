//! Counts of what a merge changed.

use serde::{Deserialize, Serialize};

/// Counts over the parameters of a merge whose base is known. Values are compared in the number format of the result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Parameters.
    pub n_parameters: u64,
    /// Parameters of the result that differ from the base.
    pub n_changed: u64,
    /// The sum of the squared changes of the result.
    pub sum_of_squares: f64,
    /// The same of each model.
    pub models: Vec<ModelTally>,
}

/// Counts of one model.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelTally {
    /// Parameters with the value of the base.
    pub n_unmoved: u64,
    /// The sum of the squared changes.
    pub sum_of_squares: f64,
}

impl Tally {
    /// The share of parameters that a model has as the base has them; `None` without parameters or such a model.
    pub fn unmoved_share(&self, model: usize) -> Option<f64> {
        let unmoved = self.models.get(model)?.n_unmoved;
        (self.n_parameters > 0).then(|| unmoved as f64 / self.n_parameters as f64)
    }

    /// The share of parameters of the result that differ from the base; `None` without parameters.
    pub fn changed_share(&self) -> Option<f64> {
        (self.n_parameters > 0).then(|| self.n_changed as f64 / self.n_parameters as f64)
    }

    /// Adds the counts of other parameters of the same models.
    pub fn add(&mut self, other: &Self) {
        self.n_parameters += other.n_parameters;
        self.n_changed += other.n_changed;
        self.sum_of_squares += other.sum_of_squares;
        self.models.resize(self.models.len().max(other.models.len()), ModelTally::default());
        for (sum, model) in self.models.iter_mut().zip(&other.models) {
            sum.n_unmoved += model.n_unmoved;
            sum.sum_of_squares += model.sum_of_squares;
        }
    }

    /// Counts a piece, given its values in the number format of the result.
    pub(crate) fn count(&mut self, base: &[f32], merged: &[f32], models: &[Vec<f32>]) {
        self.models.resize(models.len(), ModelTally::default());
        self.n_parameters += base.len() as u64;
        let (unmoved, squares) = changes(base, merged);
        self.n_changed += base.len() as u64 - unmoved;
        self.sum_of_squares += squares;
        for (tally, values) in self.models.iter_mut().zip(models) {
            let (unmoved, squares) = changes(base, values);
            tally.n_unmoved += unmoved;
            tally.sum_of_squares += squares;
        }
    }
}

/// The number of values that are the base's, and the sum of the squared differences.
#[expect(clippy::float_cmp, reason = "whether it is the same value is the question")]
fn changes(base: &[f32], values: &[f32]) -> (u64, f64) {
    let mut found = (0, 0.0);
    for (base, value) in base.iter().zip(values) {
        found.0 += u64::from(base == value);
        found.1 += (f64::from(*value) - f64::from(*base)).powi(2);
    }
    found
}
