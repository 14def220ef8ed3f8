//! The rows that surprise the base model least.

use lobass_core::{Direction, Numbers};

use super::perplexity_high::{border_at, perplexities};
use crate::strategy::{Border, Inputs, Need, Problem, Strategy, StrategyInfo};

/// `exp(L_base / n_scored)`, the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerplexityLow;

impl Strategy for PerplexityLow {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base],
            by_row: true,
            ..StrategyInfo::new(
                "perplexity-low",
                Direction::Ascending,
                "perplexity under the base",
                "arXiv 2309.04564",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        Ok(perplexities(inputs))
    }

    fn border(&self, score: f64) -> Option<Border> {
        Some(border_at(score))
    }
}
