//! Rows that cannot be used, are too long, or are repeated, by their status.

use lobass_core::RowStatus;

use crate::row::Row;
use crate::tally::Found;

/// Rows without a score, except those that are too long or repeated.
pub(super) fn unusable(row: &Row<'_>) -> Vec<Found> {
    let (status, reason) = row.status();
    if status.is_scored() || matches!(status, RowStatus::Overlong | RowStatus::Duplicate) {
        return Vec::new();
    }
    vec![Found { what: format!("the status {status}"), detail: reason.to_owned() }]
}

/// Rows of more tokens than the maximal length, whether they are cut or left out.
pub(super) fn overlong(row: &Row<'_>) -> Vec<Found> {
    let (status, reason) = row.status();
    if !matches!(status, RowStatus::Overlong | RowStatus::Truncated) {
        return Vec::new();
    }
    vec![Found { what: "more tokens than the maximal length".to_owned(), detail: reason.to_owned() }]
}

/// Rows of the same content as an earlier row.
pub(super) fn duplicate(row: &Row<'_>) -> Vec<Found> {
    let Some(first) = row.row.duplicate_of else { return Vec::new() };
    vec![Found {
        what: "the content of an earlier row".to_owned(),
        detail: format!("the same as row {first}"),
    }]
}
