//! Messages between owners and the one who asks them.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::Place;

/// Some rows and their tokens, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Tokens of their whole sequences, prompts included.
    pub tokens: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.tokens += other.tokens;
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, count| {
            sum += count;
            sum
        })
    }
}

/// What an owner says before the first question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All of its rows, also those without a score: a budget that is a share is one of these.
    pub n_rows: u64,
    /// Its rows that can be chosen.
    pub eligible: Count,
    /// No two of its answers differ by fewer rows, unless they are equal.
    pub min_count: u64,
}

/// The answer of an owner that was asked for its rows at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The rows that it keeps of these.
    pub count: Count,
    /// Whether it had a row left that did not fit.
    pub is_full: bool,
}

/// Where a budget ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Border {
    /// Every row that can be chosen fits.
    All,
    /// Rows before a place are kept.
    Before {
        /// The place.
        place: Place,
        /// Of each owner, in their order: how many rows at that very place are kept as well.
        at_it: Vec<u64>,
    },
}
