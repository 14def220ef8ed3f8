//! Content of rows that no model sees.

use std::collections::BTreeSet;

use lobass_data::{Pool, Unread};

use super::stop_not_scored::is_end;
use crate::row::Row;
use crate::tally::Found;

/// Each thing that the format does not read or the chat template does not show, in a row that a model sees.
pub(super) fn find(pool: &Pool, row: &Row<'_>) -> Vec<Found> {
    if !row.status().0.is_scored() {
        return Vec::new();
    }
    let of_tokens = row.encoded.iter().flat_map(|encoded| &encoded.unread);
    let all: BTreeSet<&Unread> =
        row.row.unread.iter().chain(of_tokens).filter(|unread| !is_end(unread)).collect();
    let layout = pool.files()[row.row.file].layout();
    let found = |unread: &Unread| Found {
        what: format!("{unread}, which no model sees"),
        detail: match layout.flag_for(unread) {
            Some(flag) => format!("`{flag}` reads it"),
            None => "no flag reads it".to_owned(),
        },
    };
    all.into_iter().map(found).collect()
}
