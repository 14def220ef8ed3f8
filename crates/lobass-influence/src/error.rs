//! Errors between a gradient and a score.

use thiserror::Error;

/// Why influence cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
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
}
