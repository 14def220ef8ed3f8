//! What the recursion asks of a training.

use crate::Error;

/// A training by gradient descent, and the loss of a target.
pub trait Landscape {
    /// The weights of a model.
    type Weights;

    /// The weights after a step on a batch, given by the places of its rows.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss or its gradient is not finite.
    fn step(
        &self,
        weights: &Self::Weights,
        batch: &[usize],
        learning_rate: f64,
    ) -> Result<Self::Weights, Error>;

    /// The gradient of the target's loss.
    ///
    /// # Errors
    /// [`Error::Diverged`] if it is not finite.
    fn target_gradient(&self, weights: &Self::Weights) -> Result<Vec<f64>, Error>;

    /// The product of the Hessian of a batch's loss with a vector.
    ///
    /// # Errors
    /// [`Error::Diverged`] if it is not finite.
    fn curvature(&self, weights: &Self::Weights, batch: &[usize], vector: &[f64]) -> Result<Vec<f64>, Error>;
}
