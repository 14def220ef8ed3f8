//! Pointwise V-information of the prompt about the response, of trained models.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `(L_null(y) - L_ref(y|x)) / ln 2`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PviTrained;

impl Strategy for PviTrained {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Reference, Need::Null],
            by_row: true,
            ..StrategyInfo::new(
                "pvi-trained",
                Direction::Descending,
                "pointwise V-information of the prompt about the response, in bits, of a reference and a null model",
                "arXiv 2110.08420",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (with, without) = (inputs.losses(ModelRole::REFERENCE), inputs.losses(ModelRole::NULL));
        Ok(inputs.each(|row| Some(bits(without.get(row)? - with.get(row)?))))
    }
}

/// Nats as bits.
pub(super) fn bits(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}
