//! How much memory may be taken.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A limit on memory, in bytes. Written `4GiB`, `512MiB`, or with decimal units `4GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemoryLimit(u64);

/// The units, the largest first among those of one kind.
const UNITS: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

impl MemoryLimit {
    /// A limit of some bytes; `None` for 0.
    pub fn new(bytes: u64) -> Option<Self> {
        (bytes > 0).then_some(Self(bytes))
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for MemoryLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected an amount of memory such as `4GiB` or `512MiB`, found `{text}`");
        let trimmed = text.trim();
        let has_unit = |(unit, _): &&(&str, u64)| trimmed.len() > unit.len() && trimmed.ends_with(unit);
        let (unit, factor) = UNITS.iter().find(has_unit).ok_or_else(wrong)?;
        let number: f64 = trimmed[..trimmed.len() - unit.len()].trim().parse().map_err(|_| wrong())?;
        let bytes = number * *factor as f64;
        if !(bytes >= 1.0 && bytes < (1u64 << 62) as f64) {
            return Err(wrong());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range, as was checked"
        )]
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0.is_multiple_of(*factor));
        match whole {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}KiB", self.0 as f64 / 1024.0),
        }
    }
}

impl TryFrom<String> for MemoryLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<MemoryLimit> for String {
    fn from(limit: MemoryLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        let bytes = |text: &str| text.parse::<MemoryLimit>().map(MemoryLimit::bytes);
        assert_eq!(bytes("4GiB"), Ok(4 << 30));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        for text in ["4GiB", "512MiB", "3GB", "7KB"] {
            assert_eq!(text.parse::<MemoryLimit>().unwrap().to_string(), text);
        }
        let odd = MemoryLimit::new(1234).unwrap();
        assert_eq!(odd.to_string().parse::<MemoryLimit>(), Ok(odd));
        for wrong in ["4", "GiB", "-1GiB", "0GiB", "NaNGiB", "4Gib", "1e30GiB", ""] {
            assert!(bytes(wrong).unwrap_err().contains("`4GiB`"), "{wrong}");
        }
    }
}
