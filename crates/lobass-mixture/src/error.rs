//! Errors of this crate.

/// An error of a mixture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The weights of a prior are not those of the sources.
    #[error("the prior: {expected} `{name}`; the sources are {sources}")]
    Prior {
        /// What was expected.
        expected: String,
        /// The name that is missing, or belongs to no source.
        name: String,
        /// The names of all sources.
        sources: String,
    },
    /// There are fewer rows than a training takes, with every row as often as is allowed.
    #[error(
        "a mixture of at most {max_passes} passes over a source cannot fill {epochs} epochs; raise the passes to at least {epochs}"
    )]
    Passes {
        /// The most passes over a source.
        max_passes: u32,
        /// Epochs of the training.
        epochs: u32,
    },
    /// A state belongs to other sources.
    #[error("the state of the mixture has {found} sources, expected {expected}")]
    State {
        /// Sources of the mixture.
        expected: usize,
        /// Sources of the state.
        found: usize,
    },
}
