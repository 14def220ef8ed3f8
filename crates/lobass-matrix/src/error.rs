//! What can go wrong with a matrix on disk.

use std::path::PathBuf;

use thiserror::Error;

/// Why a matrix cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is something else, or damaged.
    #[error("`{}` is not a matrix of lobass: {reason}", path.display())]
    NotAMatrix {
        /// The file.
        path: PathBuf,
        /// What was expected, and what was found.
        reason: String,
    },
    /// What was pushed does not make the matrix that was announced.
    #[error("matrix `{}`: expected {expected}, found {found}", path.display())]
    Misfit {
        /// The file that was to be written.
        path: PathBuf,
        /// What was announced.
        expected: String,
        /// What came.
        found: String,
    },
}
