//! How subsets are compared.

use serde::{Deserialize, Serialize};

/// What happens to held-out examples that are in the pool too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverlapPolicy {
    /// Leave them out of what is measured on, and count them.
    #[default]
    Drop,
    /// Stop if there is one.
    Refuse,
}

/// How many tokens are trained on at equal tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedTokens {
    /// As many as all rows have.
    Full,
    /// This many.
    Count(u64),
}
