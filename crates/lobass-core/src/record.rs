//! One row of the score table.

use crate::{ExampleKey, Nll, RowStatus};

/// What is known of one input row after scoring: who it is, what became of it, and its losses.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRecord {
    /// 0-based position in the pool, counted over all its files in the order they were given.
    pub row: u64,
    /// The row's name.
    pub key: ExampleKey,
    /// What became of it.
    pub status: RowStatus,
    /// Why it has that status, for a person.
    pub reason: Option<String>,
    /// Which file or data set of the pool it comes from.
    pub source: String,
    /// Tokens in the whole sequence; 0 for a row that never became one.
    pub n_tokens: u32,
    /// Tokens that are scored.
    pub n_scored: u32,
    /// Loss under the base model; only for scored rows.
    pub base: Option<Nll>,
    /// Loss under the reference model over the same tokens; only for scored rows, and only with a reference.
    pub reference: Option<Nll>,
}
