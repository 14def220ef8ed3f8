//! Settings of comparisons.

use serde::{Deserialize, Serialize};

/// The rule for held-out examples that the pool also has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlapPolicy {
    /// Do not measure on them, and count them.
    #[default]
    Drop,
    /// Stop if there is one.
    Refuse,
}

/// The tokens of a training at equal tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedTokens {
    /// The tokens of all rows.
    Full,
    /// A number of tokens.
    Count(u64),
}
