//! What cannot be dealt, masked, or averaged.

use thiserror::Error;

/// Why owners cannot train together as asked.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A client that gets no rows.
    #[error(
        "client {client} of {n_clients}: expected rows, found none; fewer clients or a larger alpha give every client some"
    )]
    EmptyClient {
        /// Which client, 0-based.
        client: usize,
        /// How many there are.
        n_clients: usize,
    },
    /// No clients at all.
    #[error("expected at least one client, found none")]
    NoClients,
    /// A setting out of range.
    #[error("{what}: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}
