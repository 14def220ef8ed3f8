//! The settings of a mixture.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Prior;

/// How the sources of a training are mixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mixing {
    /// What decides the shares.
    pub policy: MixingPolicy,
    /// Where ADO starts. The other policies have shares that do not change.
    #[serde(default)]
    pub prior: Prior,
    /// The most passes over a source. A source that has had them is drawn no more, and the others take its share.
    pub max_passes: u32,
    /// The smallest loss that ADO lets a curve tend to, in nats; `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
}

impl Mixing {
    /// The default of `max_passes`.
    pub const MAX_PASSES: u32 = 4;

    /// A mixture with the defaults.
    pub fn new(policy: MixingPolicy) -> Self {
        Self { policy, prior: Prior::default(), max_passes: Self::MAX_PASSES, floor: None }
    }
}

/// What decides the shares of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixingPolicy {
    /// Adaptive data optimization: the shares follow where the loss falls.
    Ado,
    /// The same share for each source.
    Even,
    /// Shares by rows.
    Rows,
}

impl MixingPolicy {
    const ALL: [(&'static str, Self); 3] = [("ado", Self::Ado), ("even", Self::Even), ("rows", Self::Rows)];
}

impl fmt::Display for MixingPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find_map(|(name, policy)| (policy == self).then_some(*name));
        f.pad(name.unwrap_or_default())
    }
}

impl FromStr for MixingPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find_map(|(name, policy)| (name == text).then_some(policy));
        known.ok_or_else(|| format!("expected ado, even, or rows, found `{text}`"))
    }
}
