//! Responses that say nothing.

use lobass_text::Rules;

use super::rule;
use crate::row::Row;
use crate::tally::Found;

/// A row with a response that says nothing.
pub(super) fn find(rules: &Rules, row: &Row<'_>) -> Vec<Found> {
    let found = |detail| Found { what: "responses that say nothing".to_owned(), detail };
    rule::first(rules, row).map(found).into_iter().collect()
}
