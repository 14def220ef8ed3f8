//! How products of `f32` activations with weights in bf16 are computed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The arithmetic of products whose weights are stored in bf16, of a model that runs in `f32` on the processor.
///
/// An activation is the sum of some values in bf16, each the nearest to what those before leave. Weights are exact. So a
/// product is that of two or three products in bf16, which some processors compute many times as fast as one in `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Arithmetic {
    /// In `f32`.
    #[default]
    Plain,
    /// Two values: 16 bits of an activation.
    Split2,
    /// Three values: all 24 bits of an activation.
    Split3,
}

impl Arithmetic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Split2, Self::Split3];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Split2 => "split2",
            Self::Split3 => "split3",
        }
    }

    /// Whether it is that of everything else.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Arithmetic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| format!("expected plain, split2, or split3, found `{text}`"))
    }
}

impl TryFrom<String> for Arithmetic {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Arithmetic> for String {
    fn from(arithmetic: Arithmetic) -> Self {
        arithmetic.to_string()
    }
}
