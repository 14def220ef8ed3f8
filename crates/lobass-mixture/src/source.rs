//! A source of rows.

use serde::{Deserialize, Serialize};

/// A source of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its rows; one without is never drawn.
    pub n_rows: u64,
    /// Their scored tokens, or pairs.
    pub n_scored: u64,
}
