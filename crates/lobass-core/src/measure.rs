//! How a prediction is judged.

use serde::{Deserialize, Serialize};

/// How the prediction of a token is judged by the token that came; summed over the scored tokens of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// `-ln p[label]`, in nats.
    #[default]
    CrossEntropy,
    /// `1 - 2 p[label] + sum(p^2)` over the whole vocabulary, 0 to 2: what LARK (arXiv 2605.30651) divides by the cross
    /// entropy.
    Brier,
}
