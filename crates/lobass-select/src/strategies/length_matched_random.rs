//! Random rows with the lengths of what another strategy selects.

use lobass_core::{Direction, Numbers};

use super::random::hashes;
use crate::strategy::{Choice, Inputs, Need, Problem, Strategy, StrategyInfo};

/// A seeded hash of the key, the lowest, as many rows of each length as another strategy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthMatchedRandom;

impl Strategy for LengthMatchedRandom {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Lengths],
            reads_keys: true,
            ..StrategyInfo::new(
                "length-matched-random",
                Direction::Ascending,
                "a seeded hash of the row's key, with the lengths of another strategy's selection",
                "the baseline that has the same lengths",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        hashes(inputs)
    }

    fn choice(&self) -> Choice<'_> {
        Choice::LengthsOf
    }

    fn score_in_words(&self, _: Option<f64>, lengths_of: Option<&dyn Strategy>) -> String {
        match lengths_of {
            Some(other) => {
                format!("a seeded hash of the row's key, with the lengths of what `{other}` selects")
            }
            None => self.info().score.to_owned(),
        }
    }
}
