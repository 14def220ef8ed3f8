//! Instruction-following difficulty as a ratio of perplexities.

use lobass_core::{Direction, ModelRole, Numbers};

use super::ifd::CEILING;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `exp((L(y|x) - L(y)) / n_scored)` under the base, the highest; rows above 1 are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfdPerplexity;

impl Strategy for IfdPerplexity {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            other_names: &["superfiltering"],
            needs: &[Need::Base, Need::Unconditional],
            by_row: true,
            ceiling: CEILING,
            ..StrategyInfo::new(
                "ifd-perplexity",
                Direction::Descending,
                "perplexity with the prompt over perplexity without it, at most 1",
                "Superfiltering, arXiv 2402.00530 (there with a small model as the base)",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (with, without) = (inputs.mean(ModelRole::Base), inputs.mean(ModelRole::BaseUnconditional));
        Ok(inputs.each(|row| Some((with(row)? - without(row)?).exp())))
    }
}
