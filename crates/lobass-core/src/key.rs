//! The stable name of one row of a data set.

use std::fmt;

use serde::{Deserialize, Serialize};

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
