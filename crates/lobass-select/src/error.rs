//! Why a strategy cannot be used on a table.

use std::fmt;

use lobass_core::ModelRole;
use thiserror::Error;

use crate::shape::LeftOut;
use crate::strategy::{Need, Problem, Strategy, Unread};

/// Why a strategy cannot be used on a table.
#[derive(Debug, PartialEq, Error)]
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
    /// The strategy asks what a trained prompt tells, and the table has no losses under a null model.
    #[error(
        "strategy `{strategy}`: expected losses under a null model, found none in the score table; train one with \
         `lobass train --context unconditional`, and score with `--null`"
    )]
    NoNull {
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
    /// The strategy reads a loss under the base model, and the table has none.
    #[error("strategy `{strategy}`: expected losses under the base model, found none in the score table")]
    NoBase {
        /// The strategy.
        strategy: String,
    },
    /// The strategy reads another column of losses, and the table does not have it.
    #[error("strategy `{strategy}`: expected losses in column `{column}_nll` of the score table, found none")]
    NoLosses {
        /// The strategy.
        strategy: String,
        /// The name of the column without `_nll`.
        column: &'static str,
    },
    /// The strategy reads ratings, and there are none.
    #[error("strategy `{strategy}`: expected ratings, found none; name their column with `--rating`")]
    NoRatings {
        /// The strategy.
        strategy: String,
    },
    /// The strategy copies the lengths of another one's selection, and that one is missing.
    #[error("strategy `{strategy}`: expected another strategy whose lengths to draw, found none")]
    NoLengths {
        /// The strategy.
        strategy: String,
    },
    /// The lengths of the other strategy's selection cannot be drawn.
    #[error(
        "strategy `{strategy}`: expected lengths of a strategy that is computed from loss sums or lengths, found \
         `{other}`"
    )]
    Lengths {
        /// The strategy.
        strategy: String,
        /// The strategy whose lengths were to be drawn.
        other: String,
    },
    /// The columns have no hashes of keys, and nothing reads them.
    #[error(
        "expected hashes of keys, which order equal scores, found none; read the table with `ColumnSet::ties`"
    )]
    NoHashes,
    /// The losses of tokens, or the keys, cannot be read.
    #[error(transparent)]
    Unread(Unread),
    /// The strategy refuses the inputs.
    #[error("strategy `{strategy}`: {reason}")]
    Refused {
        /// The strategy.
        strategy: String,
        /// Why.
        reason: String,
    },
    /// The strategy reads the losses of tokens, and has not been given any.
    #[error(
        "strategy `{strategy}`: expected scores computed from the losses of single tokens, found none; score with \
         `--per-token`"
    )]
    NoTokens {
        /// The strategy.
        strategy: String,
    },
    /// The strategy chooses among the responses to one prompt, and does not know which rows share one.
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
    /// The strategy compares a response with samples after its prompt.
    #[error(
        "strategy `{strategy}`: expected samples with losses under base and reference, found none; draw them with `lobass \
         generate` and name them with `--samples`"
    )]
    NoSamples {
        /// The strategy.
        strategy: String,
    },
    /// The strategy compares rows with queries.
    #[error("strategy `{strategy}`: expected vectors of rows and of queries, found none")]
    NoQueries {
        /// The strategy.
        strategy: String,
    },
    /// The strategy already chooses a set of rows.
    #[error(
        "strategy `{strategy}`: it already chooses a set of rows; it cannot be combined with another way to make rows \
         differ"
    )]
    TwoSets {
        /// The strategy.
        strategy: String,
    },
    /// The strategy takes rows from clusters or tasks in turn, so no end of a score is kept.
    #[error("strategy `{strategy}`: it takes rows from {from} in turn, so it cannot be turned round")]
    Direction {
        /// The strategy.
        strategy: String,
        /// The source that takes turns.
        from: &'static str,
    },
    /// A guard needs a model that the table does not have.
    #[error("guard on the loss under the {model}: expected such losses in the score table, found none")]
    UnguardedModel {
        /// The model.
        model: ModelRole,
    },
    /// Shrinkage is defined for one score only.
    #[error("shrinkage: expected the strategy `lobass`, found `{strategy}`")]
    Shrinkage {
        /// The strategy.
        strategy: String,
    },
    /// Not a single row can be chosen.
    #[error("strategy `{strategy}`: expected candidates, found none among {n_rows} rows: {left_out}")]
    NothingEligible {
        /// The strategy.
        strategy: String,
        /// Rows in the table.
        n_rows: u64,
        /// Why rows with losses are no candidates; empty if no row has any.
        left_out: Reasons,
    },
}

impl SelectError {
    /// A problem of a strategy, with its name.
    pub(crate) fn new(strategy: &dyn Strategy, problem: Problem) -> Self {
        let strategy = strategy.name().to_owned();
        match problem {
            Problem::Missing(need) => match need {
                Need::Base => Self::NoBase { strategy },
                Need::Reference => Self::NoReference { strategy },
                Need::Unconditional => Self::NoUnconditional { strategy },
                Need::Null => Self::NoNull { strategy },
                Need::Brier => Self::NoBrier { strategy },
                Need::Losses(column) => Self::NoLosses { strategy, column },
                Need::Tokens => Self::NoTokens { strategy },
                Need::Prompts => Self::NoPrompts { strategy },
                Need::Trajectory => Self::NoTrajectory { strategy },
                Need::Queries => Self::NoQueries { strategy },
                Need::Lengths => Self::NoLengths { strategy },
                Need::Samples => Self::NoSamples { strategy },
                Need::Rating => Self::NoRatings { strategy },
                Need::Pair => Self::NoPairs { strategy },
            },
            Problem::Unread(unread) => Self::Unread(unread),
            Problem::Refused(reason) => Self::Refused { strategy, reason },
        }
    }
}

/// Rows with losses that are no candidates, by the reason that each was left out for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons(pub Vec<LeftOut>);

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no row was scored");
        }
        f.write_str("all rows with losses are left out")?;
        for (at, LeftOut { why, n_rows }) in self.0.iter().enumerate() {
            write!(f, "{} {n_rows} ({why})", if at == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
