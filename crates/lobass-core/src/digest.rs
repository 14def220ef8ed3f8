//! Digests of what numbers depend on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A digest, as lowercase hexadecimal: of weights, of data, of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// The digits of a digest that people see, and that names of files have.
const SHORT: usize = 16;

impl Digest {
    /// The digest of these bytes, which a hash function made.
    pub fn of_hash(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A digest that was written down.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 digits.
    pub fn short(&self) -> &str {
        self.0.get(..SHORT).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Digest {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Digest {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_lowercase_and_can_be_cut() {
        let digest = Digest::of_hash(&[0, 0xab, 0xff, 1, 2, 3, 4, 5, 6]);
        assert_eq!(digest.as_str(), "00abff010203040506");
        assert_eq!(digest.short(), "00abff0102030405");
        assert_eq!(Digest::new("ab").short(), "ab");
    }
}
