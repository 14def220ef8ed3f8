//! Pointwise V-information of the prompt about the response.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `(L(y) - L(y|x)) / ln 2` under the base, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pvi;

impl Strategy for Pvi {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Unconditional],
            by_row: true,
            ..StrategyInfo::new(
                "pvi",
                Direction::Descending,
                "pointwise V-information of the prompt about the response, in bits, of an untrained model",
                "arXiv 2110.08420",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (with, without) = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::BaseUnconditional));
        Ok(inputs.each(|row| Some((without.get(row)? - with.get(row)?) / std::f64::consts::LN_2)))
    }
}
