//! What training taught that needed the prompt.

use lobass_core::{Direction, ModelRole, Numbers};

use super::gap_sum::implicit_reward;
use super::pvi_trained::bits;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `((L_base(y|x) - L_ref(y|x)) - (L_base(y) - L_null(y))) / ln 2`, the highest: what the reference learned with the prompt
/// minus what the null model learned without it. It is also `pvi-trained` minus `pvi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptGain;

impl Strategy for PromptGain {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Reference, Need::Unconditional, Need::Null],
            by_row: true,
            ..StrategyInfo::new(
                "prompt-gain",
                Direction::Descending,
                "loss reduction with the prompt minus that without it, in bits: the learning that needed the prompt",
                "lobass; PVI after training minus PVI before, arXiv 2110.08420",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let with = [ModelRole::Base, ModelRole::REFERENCE].map(|role| inputs.losses(role));
        let without = [ModelRole::BaseUnconditional, ModelRole::NULL].map(|role| inputs.losses(role));
        Ok(inputs.each(|row| {
            let learned = |[base, trained]: [&Numbers; 2]| implicit_reward(base, trained, row);
            Some(bits(learned(with)? - learned(without)?))
        }))
    }
}
