//! The rows that surprise the base model most.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Border, Inputs, Need, Problem, Strategy, StrategyInfo};

/// `exp(L_base / n_scored)`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerplexityHigh;

impl Strategy for PerplexityHigh {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base],
            by_row: true,
            ..StrategyInfo::new(
                "perplexity-high",
                Direction::Descending,
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

/// The perplexity of every row under the base.
pub(super) fn perplexities(inputs: &Inputs<'_>) -> Numbers {
    let base = inputs.mean(ModelRole::Base);
    inputs.each(|row| Some(base(row)?.exp()))
}

/// The rows of one perplexity have one mean loss under the base.
pub(super) fn border_at(perplexity: f64) -> Border {
    Border::Base(perplexity.ln())
}
