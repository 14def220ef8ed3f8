//! Responses after which no end marker is scored.

use lobass_data::{Unread, UnreadKind};

use crate::row::Row;
use crate::tally::Found;

/// Whether something that is not read is the end of a turn, which this check reports and `not-read` does not.
pub(super) fn is_end(unread: &Unread) -> bool {
    unread.kind == UnreadKind::EndOfTurn
}

/// A row with a response whose end no scored token stands for.
pub(super) fn find(row: &Row<'_>) -> Vec<Found> {
    let lacks_end = row.encoded.iter().flat_map(|encoded| &encoded.unread).any(is_end);
    let found = || Found {
        what: "responses whose end marker is not scored".to_owned(),
        detail: "no scored token stands for the end of a response".to_owned(),
    };
    lacks_end.then(found).into_iter().collect()
}
