//! How far fine-tuning moved a response beyond what it moved on the prompt anyway.

use lobass_core::{Direction, ModelRole, Numbers};

use super::gap_sum::implicit_reward;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `g(y) - mean g(y~)`, the highest, where `g = L_base - L_ref` in nats and `y~` are samples after the row's prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemonstrationAdvantage;

/// The same with each `g` divided by the tokens that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemonstrationAdvantageMean;

const NEEDS: &[Need] = &[Need::Base, Need::Reference, Need::Samples];
const SOURCE: &str =
    "lobass; the gradient of maximum-likelihood inverse RL, arXiv 2405.17888, with DPO's implicit reward";

impl Strategy for DemonstrationAdvantage {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: NEEDS,
            ..StrategyInfo::new(
                "demonstration-advantage",
                Direction::Descending,
                "loss reduction of the response minus that of samples after the same prompt, in nats",
                SOURCE,
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (base, reference) = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::REFERENCE));
        let samples = &inputs.samples()?.sums;
        Ok(inputs.each(|row| Some(implicit_reward(base, reference, row)? - samples.get(row)?)))
    }
}

impl Strategy for DemonstrationAdvantageMean {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: NEEDS,
            ..StrategyInfo::new(
                "demonstration-advantage-mean",
                Direction::Descending,
                "loss reduction per token of the response minus that of samples after the same prompt, in nats",
                SOURCE,
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (base, reference) = (inputs.mean(ModelRole::Base), inputs.mean(ModelRole::REFERENCE));
        let samples = &inputs.samples()?.means;
        Ok(inputs.each(|row| Some(base(row)? - reference(row)? - samples.get(row)?)))
    }
}
