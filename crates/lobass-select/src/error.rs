//! Why a strategy cannot be used on a table.

use thiserror::Error;

/// Why a strategy cannot be used on a table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The strategy compares two models, and the table has one.
    #[error("strategy `{strategy}`: expected losses under a reference model, found none in the score table")]
    NoReference {
        /// The strategy.
        strategy: String,
    },
    /// The strategy compares two responses, and the table's rows have one.
    #[error(
        "strategy `{strategy}`: expected pairs of a chosen and a rejected response, found none in the score table"
    )]
    NoPairs {
        /// The strategy.
        strategy: String,
    },
    /// The strategy asks how much a prompt helps, and the table has no losses without it.
    #[error(
        "strategy `{strategy}`: expected losses of responses without their prompts, found none in the score table; \
         score with `--context unconditional`"
    )]
    NoUnconditional {
        /// The strategy.
        strategy: String,
    },
    /// The strategy compares two ways to judge a prediction, and the table has one.
    #[error(
        "strategy `{strategy}`: expected Brier losses under the base, found none in the score table; score with \
         `--brier`"
    )]
    NoBrier {
        /// The strategy.
        strategy: String,
    },
    /// The strategy reads the losses of tokens, and has not been given scores of them.
    #[error("strategy `{strategy}`: expected scores from the losses of tokens, found none")]
    NoTokens {
        /// The strategy.
        strategy: String,
    },
    /// The strategy chooses among the responses to one prompt, and is not told which rows share one.
    #[error("strategy `{strategy}`: expected groups of rows with the same prompt, found none")]
    NoPrompts {
        /// The strategy.
        strategy: String,
    },
    /// The strategy clusters by how losses went in training.
    #[error(
        "strategy `{strategy}`: expected losses under at least two checkpoints of one training, found fewer in the \
         score table; train with `lobass run --trajectory`"
    )]
    NoTrajectory {
        /// The strategy.
        strategy: String,
    },
    /// The strategy compares rows with queries.
    #[error("strategy `{strategy}`: expected vectors of rows and of queries, found none")]
    NoQueries {
        /// The strategy.
        strategy: String,
    },
    /// The strategy chooses a set by itself.
    #[error(
        "strategy `{strategy}`: it chooses which rows go together by itself, so they cannot be made to differ in another way"
    )]
    TwoSets {
        /// The strategy.
        strategy: String,
    },
    /// A guard needs a model that the table does not have.
    #[error("a guard on the loss under the {model}: expected such losses in the score table, found none")]
    UnguardedModel {
        /// The model.
        model: &'static str,
    },
    /// Shrinkage is defined for one score only.
    #[error("shrinkage: expected the strategy `lobass`, found `{strategy}`")]
    Shrinkage {
        /// The strategy.
        strategy: String,
    },
    /// Not a single row has a score.
    #[error("strategy `{strategy}`: expected rows with a score, found none among {n_rows}")]
    NothingEligible {
        /// The strategy.
        strategy: String,
        /// Rows in the table.
        n_rows: u64,
    },
}
