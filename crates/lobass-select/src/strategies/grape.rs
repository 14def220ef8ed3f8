//! GRAPE: the response to each prompt that the model would most likely give itself.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `L_base / n_scored` of the most probable response to each prompt, the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grape;

impl Strategy for Grape {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Prompts],
            ..StrategyInfo::new(
                "grape",
                Direction::Ascending,
                "loss under the base in nats per scored token, of the most probable response to each prompt",
                "GRAPE, arXiv 2502.04194",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        Ok(inputs.each(inputs.mean(ModelRole::Base)))
    }
}
