//! Why data cannot be checked at all.

use thiserror::Error;

/// What stops a check. Bad rows do not: they are what a check finds.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error(transparent)]
    Data(#[from] lobass_data::Error),
    /// A threshold that means nothing.
    #[error(transparent)]
    Text(#[from] lobass_text::Error),
    /// A name that no check has.
    #[error("check `{name}`: expected one of {known}")]
    UnknownCheck {
        /// What was asked for.
        name: String,
        /// The names of all checks.
        known: String,
    },
}
