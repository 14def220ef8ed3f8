//! What is wrong with a file of losses, and where.

use std::path::Path;

use crate::Error;

/// An error about a file of losses as a whole.
pub(super) fn of_file(path: &Path, reason: impl Into<String>) -> Error {
    Error::Losses { path: path.to_owned(), place: String::new(), reason: reason.into() }
}

/// An error about one entry of a file of losses, counted from 1.
pub(super) fn of_entry(path: &Path, noun: &str, number: u64, reason: impl Into<String>) -> Error {
    Error::Losses { path: path.to_owned(), place: format!(", {noun} {number}"), reason: reason.into() }
}
