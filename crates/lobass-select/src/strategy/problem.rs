//! Why a strategy has no scores for a pool.

use std::error::Error;

use thiserror::Error;

use super::need::Need;

/// Why a strategy has no scores for a pool. [`SelectError`](crate::SelectError) is the same with the strategy's name.
#[derive(Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The inputs lack something that the strategy reads.
    #[error("expected {0}, found none")]
    Missing(Need),
    /// The inputs have it, and it cannot be read.
    #[error(transparent)]
    Unread(Unread),
    /// Any other reason, in words.
    #[error("{0}")]
    Refused(String),
}

/// The error of a caller that reads losses of tokens.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Unread(pub Box<dyn Error + Send + Sync>);

impl PartialEq for Unread {
    /// Compares what they say.
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}
