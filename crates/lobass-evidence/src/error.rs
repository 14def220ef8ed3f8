//! Errors of a comparison.

use thiserror::Error;

/// Why numbers say nothing.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Trials that were measured on other numbers of examples.
    #[error("{what}: expected outcomes of {expected} held-out examples, found {found}")]
    Lengths {
        /// Which trial.
        what: String,
        /// How many there are in all.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// An arm without trials, or no examples.
    #[error("{what}: expected at least one, found none")]
    Nothing {
        /// The missing thing.
        what: String,
    },
    /// An example that nothing was scored of, or a loss that is no finite number.
    #[error("{what}, example {example}: expected a finite loss over at least one token, found {found}")]
    Outcome {
        /// Which trial.
        what: String,
        /// Which example, 0-based.
        example: usize,
        /// The found number.
        found: String,
    },
    /// An example has answers in one trial only.
    #[error("{what}, example {example}: expected answers in every trial or in none")]
    Answers {
        /// The arm and the trial.
        what: String,
        /// The example.
        example: usize,
    },
    /// An example has wrong responses in one trial only.
    #[error("{what}, example {example}: expected wrong responses in every trial or in none")]
    Choices {
        /// Which trial.
        what: String,
        /// Which example, 0-based.
        example: usize,
    },
    /// Settings that make no interval.
    #[error("bootstrap: expected `{field}` to be {expected}, found {found}")]
    Bootstrap {
        /// The field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The found value.
        found: String,
    },
    /// Results of two sources would have one name.
    #[error("source `{name}`: expected a unique name that is not reserved for all sources")]
    Source {
        /// The name.
        name: String,
    },
}
