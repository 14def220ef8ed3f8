//! The rounding of a base to few bits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The format that the weights of a base are rounded to, as `QLoRA` training rounds them. They are computed with in
/// another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rounding {
    /// NF4 in blocks of 64, with scales in 8 bits (double quantization).
    Nf4,
    /// NF4 in blocks of 64, with scales in f32.
    Nf4Single,
}

impl Rounding {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Nf4, Self::Nf4Single];

    /// Its name in settings and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nf4 => "nf4",
            Self::Nf4Single => "nf4-single",
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rounding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|rounding| rounding.name() == text);
        found.ok_or_else(|| format!("expected nf4 or nf4-single, found `{text}`"))
    }
}

impl TryFrom<String> for Rounding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Rounding> for String {
    fn from(rounding: Rounding) -> Self {
        rounding.name().to_owned()
    }
}
