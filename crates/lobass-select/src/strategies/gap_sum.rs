//! The loss reduction summed over the response, which is DPO's implicit reward.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `L_base - L_ref`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapSum;

impl GapSum {
    pub(super) const NAME: &str = "gap-sum";
}

impl Strategy for GapSum {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            other_names: &["rho-lm", "implicit-reward"],
            needs: &[Need::Base, Need::Reference],
            by_row: true,
            ..StrategyInfo::new(
                Self::NAME,
                Direction::Descending,
                "loss reduction in nats, summed over the response",
                "RHO-LM in DavIR, arXiv 2310.13008; the DPO implicit reward over beta, arXiv 2305.18290",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (base, reference) = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::REFERENCE));
        Ok(inputs.each(|row| implicit_reward(base, reference, row)))
    }
}

/// `log pi_reference - log pi_base` of a response, which DPO multiplies with beta, in nats.
pub(super) fn implicit_reward(base: &Numbers, reference: &Numbers, row: usize) -> Option<f64> {
    Some(base.get(row)? - reference.get(row)?)
}
