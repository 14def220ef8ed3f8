//! Errors between a gradient and a score.

use thiserror::Error;

/// Why influence cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The model trains nothing: there is no adapter on it.
    #[error("expected a model with an adapter, found nothing that is trained")]
    NothingTrained,
    /// The optimizer's state is that of another adapter.
    #[error("optimizer state: expected {expected} values of `{parameter}`, found {found}")]
    OtherState {
        /// The parameter of the adapter.
        parameter: String,
        /// Its values.
        expected: usize,
        /// The found number.
        found: usize,
    },
    /// A learning rate that weighs nothing.
    #[error(
        "checkpoint {checkpoint}: expected a finite learning rate of at least 0, and one above 0, found {found}"
    )]
    LearningRate {
        /// Which checkpoint, 0-based.
        checkpoint: usize,
        /// Its mean learning rate.
        found: String,
    },
    /// A task of which no row has a vector.
    #[error("task {task}: expected rows with a gradient, found none among {n_rows}")]
    EmptyTask {
        /// Which task, 0-based.
        task: usize,
        /// Its rows.
        n_rows: usize,
    },
    /// A loss or a gradient that is no finite number.
    #[error(
        "expected a finite loss of {of} and a finite gradient, found a loss of {loss}; a smaller learning rate may help"
    )]
    Diverged {
        /// What was run.
        of: &'static str,
        /// Its loss.
        loss: String,
    },
    /// A target that has no gradient at the end of the training.
    #[error("expected a target whose loss can fall, found a gradient of zero after the last step")]
    FlatTarget,
    /// A co-state that grows because steps are too large for the curvature.
    #[error(
        "co-state of step {step}: expected a norm of at most {bound:.3e}, found {norm:.3e}; the learning rate \
         {learning_rate} times the curvature, which is about {curvature:.3e}, has to be below 2"
    )]
    Unstable {
        /// The step.
        step: usize,
        /// The norm of the co-state.
        norm: f64,
        /// What gradients of the target can make at most, with room.
        bound: f64,
        /// The learning rate.
        learning_rate: f64,
        /// The largest `|H lambda| / |lambda|` so far.
        curvature: f64,
    },
}
