//! The rows around the median perplexity.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo, from_the_middle};

/// The distance from the median of `L_base / n_scored`, in ranks, the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerplexityMiddle;

impl Strategy for PerplexityMiddle {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base],
            ..StrategyInfo::new(
                "perplexity-middle",
                Direction::Ascending,
                "distance from the median perplexity, in ranks (0 to 1)",
                "arXiv 2309.04564",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        Ok(from_the_middle(inputs.each(inputs.mean(ModelRole::Base))))
    }
}
