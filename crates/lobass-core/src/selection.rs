//! The result of a selection strategy.

use crate::{Budget, Direction, Score};

/// One selected row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selected {
    /// 0-based position in the pool.
    pub row: u64,
    /// The score that ranks it.
    pub score: Score,
}

/// The rows a strategy kept, best first, and how it came to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The strategy's name.
    pub strategy: String,
    /// Which end of the score it kept.
    pub direction: Direction,
    /// The budget that limits it.
    pub budget: Budget,
    /// The seed of the tie-break and of random strategies.
    pub seed: u64,
    /// Rows in the pool.
    pub n_rows: u64,
    /// Rows that had a score, and so could be chosen.
    pub n_eligible: u64,
    /// Tokens in the chosen rows.
    pub n_tokens: u64,
    /// The chosen rows, by rank: the first was chosen first.
    pub selected: Vec<Selected>,
}
