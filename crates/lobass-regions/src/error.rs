//! What cannot be measured.

use thiserror::Error;

/// Why regions cannot be measured.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is a base only.
    #[error("expected losses under a base and at least one reference, found no reference")]
    NoReference,
    /// Columns have different numbers of rows.
    #[error("expected columns of {expected} rows, found one of {found}")]
    Lengths {
        /// The rows of the other columns.
        expected: usize,
        /// The rows of this one.
        found: usize,
    },
    /// No row has losses under all models.
    #[error("expected rows with losses under the base and all references, found none")]
    NoRows,
    /// A setting is out of range.
    #[error("`{name}`: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// Its value.
        found: String,
    },
    /// The intervals cannot be made.
    #[error(transparent)]
    Bootstrap(#[from] lobass_evidence::Error),
}
