//! The stable name of one row of a data set.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The name of one row: its own `id` where it has one, else a hash of its content.
///
/// Results are joined on keys, never on file order, so a reordered or filtered file cannot misassign a score.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExampleKey(Box<str>);

impl ExampleKey {
    /// Makes a key of a name that is already unique in its data set.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExampleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number that orders rows by nothing but their key: what decides between equal scores.
pub fn tie_break(key: &str, seed: u64) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), seed)
}
