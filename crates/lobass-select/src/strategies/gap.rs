//! The loss reduction per token.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Border, Inputs, Need, Problem, Strategy, StrategyInfo};

/// `(L_base - L_ref) / n_scored`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap;

impl Gap {
    pub(super) const NAME: &str = "gap";
}

impl Strategy for Gap {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Reference],
            by_row: true,
            ..StrategyInfo::new(
                Self::NAME,
                Direction::Descending,
                "loss reduction in nats per scored token",
                "LoBaSS without its normalization, arXiv 2310.13008",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (base, reference) = (inputs.mean(ModelRole::Base), inputs.mean(ModelRole::REFERENCE));
        Ok(inputs.each(|row| Some(base(row)? - reference(row)?)))
    }

    fn border(&self, score: f64) -> Option<Border> {
        Some(Border::Sloped { slope: 1.0, offset: -score })
    }
}
