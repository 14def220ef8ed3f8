//! The longest responses.

use lobass_core::{Direction, Numbers};

use crate::strategy::{Inputs, Problem, Strategy, StrategyInfo};

/// `n_scored`, the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Longest;

impl Strategy for Longest {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            by_row: true,
            ..StrategyInfo::new(
                "longest",
                Direction::Descending,
                "scored tokens",
                "Long Is More for Alignment, arXiv 2402.04833",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        let n_scored = &inputs.columns().n_scored;
        Ok(inputs.each(|row| Some(f64::from(n_scored[row]))))
    }
}
