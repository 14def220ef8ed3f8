//! Invalid requests.

use thiserror::Error;

/// Why rules or groups cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule that is not there.
    #[error("rule `{name}`: expected one of {known}, or default or all")]
    UnknownRule {
        /// The requested name.
        name: String,
        /// The names of all rules.
        known: String,
    },
    /// A threshold that means nothing.
    #[error("rule `{rule}`: expected {expected}, found `{found}`")]
    Threshold {
        /// Whose.
        rule: &'static str,
        /// The expected value.
        expected: String,
        /// The found value.
        found: String,
    },
    /// A similarity from which texts are to be near duplicates that cannot be searched for.
    #[error("the Jaccard similarity: expected a number from {least} to 1, found {found}")]
    Jaccard {
        /// The least that can be.
        least: f64,
        /// The requested value.
        found: f64,
    },
    /// A share of a passage that means nothing.
    #[error("the share of a passage: expected a number above 0 and at most 1, found {found}")]
    Share {
        /// The requested value.
        found: f64,
    },
}
