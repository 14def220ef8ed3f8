//! The margin of DPO's implicit reward between the two responses of a pair.

use lobass_core::{Direction, ModelRole, Numbers};

use super::gap_sum::implicit_reward;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `L_base - L_ref` of the chosen response minus that of the rejected one, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewardMargin;

impl Strategy for RewardMargin {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Reference, Need::Pair],
            by_row: true,
            ..StrategyInfo::new(
                "reward-margin",
                Direction::Descending,
                "loss reduction of the chosen response minus that of the rejected one, in nats",
                "the DPO margin over beta, arXiv 2305.18290; DavIR, arXiv 2310.13008",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let chosen = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::REFERENCE));
        let rejected =
            (inputs.losses(ModelRole::Base.rejected()), inputs.losses(ModelRole::REFERENCE.rejected()));
        Ok(inputs.each(|row| {
            let rejected = implicit_reward(rejected.0, rejected.1, row)?;
            Some(implicit_reward(chosen.0, chosen.1, row)? - rejected)
        }))
    }
}
