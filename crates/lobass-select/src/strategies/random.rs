//! Random rows: the baseline.

use lobass_core::{Direction, Numbers};

use crate::strategy::{Inputs, Problem, Strategy, StrategyInfo};

/// A seeded hash of the key, the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random;

impl Strategy for Random {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            reads_keys: true,
            ..StrategyInfo::new(
                "random",
                Direction::Ascending,
                "a seeded hash of the row's key",
                "the baseline",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        hashes(inputs)
    }
}

/// The seeded hash of every row's key, as a number in [0, 1).
///
/// # Errors
/// [`Problem::Refused`] if the keys were not read.
pub(super) fn hashes(inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
    let hashes = inputs.key_hashes();
    if hashes.len() != inputs.columns().len() {
        return Err(Problem::Refused("expected the hash of every key, found none".to_owned()));
    }
    Ok(inputs.each(|row| Some(uniform(hashes[row]))))
}

/// 53 bits of a hash as a number in [0, 1).
fn uniform(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
