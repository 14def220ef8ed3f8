//! How subsets are compared.

use clap::ValueEnum;

/// What becomes of held-out examples that are in the pool too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OverlapPolicy {
    /// Leave them out of what is measured on, and count them
    #[default]
    Drop,
    /// Stop if there is one
    Refuse,
}

/// How many tokens are trained on at equal tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchedTokens {
    /// As many as all rows have.
    Full,
    Count(u64),
}
