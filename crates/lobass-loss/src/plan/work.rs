//! How much a plan saves.

use std::ops::AddAssign;

use lobass_core::Sequence;

/// Counts of what is in some sequences and of what has to be computed for their losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// All tokens.
    pub n_tokens: u64,
    /// Scored tokens.
    pub n_scored: u64,
    /// Tokens of sequences with anything scored; duplicates count once.
    pub n_unique_tokens: u64,
    /// Rows that go through the layers: common beginnings once a batch, and nothing after the last scored position.
    pub n_rows: u64,
    /// Rows that go through the last layer beyond its keys and values, and through the head.
    pub n_head_rows: u64,
}

impl Work {
    pub(super) fn of_sequences(sequences: &[Sequence]) -> Self {
        Self {
            n_tokens: sequences.iter().map(|sequence| sequence.n_tokens() as u64).sum(),
            n_scored: sequences.iter().map(|sequence| sequence.n_scored() as u64).sum(),
            ..Self::default()
        }
    }
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.n_tokens += other.n_tokens;
        self.n_scored += other.n_scored;
        self.n_unique_tokens += other.n_unique_tokens;
        self.n_rows += other.n_rows;
        self.n_head_rows += other.n_head_rows;
    }
}
