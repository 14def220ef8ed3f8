//! The place of a row in a ranking that several owners share.

use std::fmt;
use std::str::FromStr;

use lobass_core::{Direction, Score};
use serde::{Deserialize, Serialize};

/// The place of a row: better rows have smaller ones. Rows of different owners may have the same one.
///
/// The upper half is the score, the lower half the seeded hash of the key, so that equal scores are ordered as
/// `lobass_select::select` orders them. Written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Place(u128);

impl Place {
    /// The first place: no row comes before it.
    pub const FIRST: Self = Self(0);
    /// The last place.
    pub const LAST: Self = Self(u128::MAX);

    /// The place of a score and the seeded hash of a key (`lobass_core::tie_break`).
    pub fn of(score: Score, direction: Direction, tie: u64) -> Self {
        let bits = (score.value() + 0.0).to_bits(); // -0.0 and 0.0 are one score
        let ascending = bits ^ if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
        let place = match direction {
            Direction::Ascending => ascending,
            Direction::Descending => !ascending,
        };
        Self(u128::from(place) << 64 | u128::from(tie))
    }

    /// The place halfway between two. Of two middle places it is the later one. `self` has to be before `other`.
    pub(crate) fn between(self, other: Self) -> Self {
        let distance = other.0 - self.0;
        Self(self.0 + distance / 2 + distance % 2)
    }

    /// The place before this one.
    ///
    /// # Panics
    /// If it is the first.
    pub(crate) fn before(self) -> Self {
        Self(self.0.checked_sub(1).expect("a place comes before"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = Some(text).filter(|text| text.len() == 32 && !text.starts_with('+'));
        let place = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        place.map(Self).ok_or_else(|| format!("expected a place of 32 hexadecimal digits, found `{text}`"))
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
