//! Which pairs are trained on, and what trainings have in common.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of the pool of all sources together.
pub const MIXED: &str = "mixed";

/// The quantity that trainings on different pairs have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairMatching {
    /// Equal passes over a share of each pool: more pairs are trained on for longer.
    Epochs,
    /// Equal numbers of pairs of each pool, a share of the smallest one, and equal passes.
    Pairs,
    /// Equal optimizer steps: few pairs are repeated.
    Steps,
    /// Equal tokens of both responses: few or short pairs are repeated.
    Tokens,
}

impl PairMatching {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Epochs, Self::Pairs, Self::Steps, Self::Tokens];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::Pairs => "pairs",
            Self::Steps => "steps",
            Self::Tokens => "tokens",
        }
    }
}

impl fmt::Display for PairMatching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which end of a score is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreEnd {
    /// The lowest scores.
    Low,
    /// The scores around the median.
    Middle,
    /// The highest scores.
    High,
}

impl ScoreEnd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }
}

/// Which pairs are trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairSubset {
    /// None: the base.
    Untrained,
    /// A share of a pool, in a seeded order.
    Share {
        /// The source; [`MIXED`] for all together.
        pool: String,
        /// Between 0 and 1.
        share: f64,
    },
    /// What a strategy selected.
    Selection {
        /// The strategy.
        strategy: String,
        /// The end of its score that was kept, if it is not the strategy's own.
        end: Option<ScoreEnd>,
    },
}

impl fmt::Display for PairSubset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrained => f.pad("untrained"),
            // Rounded, since 0.07 times 100 has many digits.
            Self::Share { pool, share } => f.pad(&format!("{pool} {} %", (share * 1e6).round() / 1e4)),
            Self::Selection { strategy, end: None } => f.pad(strategy),
            Self::Selection { strategy, end: Some(end) } => f.pad(&format!("{strategy}:{}", end.as_str())),
        }
    }
}
