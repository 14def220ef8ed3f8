//! Errors of a matrix on disk.

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
        /// The expected and the found value.
        reason: String,
    },
    /// The pushed rows do not make the announced matrix.
    #[error("matrix `{}`: expected {expected}, found {found}", path.display())]
    Misfit {
        /// The file that was to be written.
        path: PathBuf,
        /// The announced shape.
        expected: String,
        /// The pushed shape.
        found: String,
    },
}
