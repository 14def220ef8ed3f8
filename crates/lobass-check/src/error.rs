//! Why data cannot be checked at all.

use thiserror::Error;

/// An error that stops a check. Bad rows do not: checks report them.
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
        /// The requested name.
        name: String,
        /// The names of all checks.
        known: String,
    },
}
