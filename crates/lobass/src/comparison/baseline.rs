//! What selections are compared with.

use lobass_evidence::{FULL, ZERO_SHOT};
use lobass_select::Strategy as _;
use lobass_select::strategies::Random;

/// What selections are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// Random rows, as many as a strategy selects.
    Random,
    /// All rows.
    Full,
    /// The base without training.
    ZeroShot,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Random, Self::Full, Self::ZeroShot];

    /// Its name, which is that of its arm.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Random => Random.name(),
            Self::Full => FULL,
            Self::ZeroShot => ZERO_SHOT,
        }
    }
}

impl std::str::FromStr for Baseline {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|baseline| baseline.as_str() == name);
        found.ok_or_else(|| format!("expected random, full, or zero-shot, found `{name}`"))
    }
}
