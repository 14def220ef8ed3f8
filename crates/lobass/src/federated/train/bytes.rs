//! What passes between the server and a client, by arithmetic.

/// Bytes of a weight as it is sent.
const WEIGHT: u64 = 4;

/// Bytes to and from one client in one round: `n_values` weights each way. Places of a mask are not sent, since its seed
/// is known.
pub(super) fn both_ways(n_values: usize) -> u64 {
    2 * WEIGHT * n_values as u64
}
