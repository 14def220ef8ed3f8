//! From a request to the rows that are chosen.

mod candidates;
mod chosen;
mod decided;
mod matched;
mod parts;
mod request;
mod sets;
mod undecided;

use decided::decided;
use undecided::with_late_hashes;

pub(crate) use candidates::{above_ceiling, scores};
pub use chosen::Chosen;
pub use parts::StratumShare;
pub use request::Request;
pub use sets::{Sets, Variety};
pub(crate) use undecided::is_one_ranking;

use crate::error::SelectError;
use crate::strategy::Inputs;

/// Gives every row a score, and keeps the best rows as a request says.
///
/// Equal scores are ordered by a seeded hash of the key, never by their place in the file. If the columns have no
/// hashes, [`Inputs::with_late_hashes`] reads those that decide something. A token budget takes rows
/// in rank order and stops before the first that does not fit. If fewer rows are eligible than the budget asks for,
/// all of them are kept; [`Selection::n_eligible`](lobass_core::Selection::n_eligible) is their number.
///
/// With a quota, the parts of a budget are rounded by largest remainder; what a part has no rows for goes to the others
/// by their weights. With tokens, each part stops before the first row that does not fit into its share. Rows of a set
/// ([`Request::sets`]) are in the order in which they were chosen.
///
/// Linear in the rows for either kind of budget, and `k log k` in the rows that are kept. Beside the columns it takes
/// 8 bytes for each row of the table, and 32 for each that is kept, or 16 if that is most of them.
///
/// # Errors
/// [`SelectError`] if the inputs lack what the strategy or a guard reads, if settings contradict the strategy, or if no
/// row can be chosen.
///
/// # Panics
/// If [`Sets`] have not a vector for each row.
pub fn select<'a>(inputs: impl Into<Inputs<'a>>, request: &Request<'_>) -> Result<Chosen, SelectError> {
    let inputs = &inputs.into();
    match inputs.late_hashes() {
        Some(hashes) => with_late_hashes(inputs, request, hashes),
        None if inputs.has_hashes() => decided(inputs, request),
        None => Err(SelectError::NoHashes),
    }
}

#[cfg(test)]
mod tests;
