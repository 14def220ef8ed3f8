//! Instruction-following difficulty: how much of the response's loss is left with the prompt.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// `L(y|x) / L(y)` under the base, the highest; rows above 1 are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ifd;

/// A prompt that helps does not raise the loss.
pub(super) const CEILING: Option<(f64, &str)> = Some((1.0, "the prompt makes the response less likely"));

impl Strategy for Ifd {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base, Need::Unconditional],
            by_row: true,
            ceiling: CEILING,
            ..StrategyInfo::new(
                "ifd",
                Direction::Descending,
                "instruction-following difficulty: loss with the prompt over loss without it, at most 1",
                "Cherry LLM, arXiv 2308.12032",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let (with, without) = (inputs.losses(ModelRole::Base), inputs.losses(ModelRole::BaseUnconditional));
        Ok(inputs.each(|row| ratio(with.get(row)?, without.get(row)?)))
    }
}

/// A loss over another one; undefined over nothing.
fn ratio(loss: f64, other: f64) -> Option<f64> {
    (other > 0.0).then(|| loss / other)
}
