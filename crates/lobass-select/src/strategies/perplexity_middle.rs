//! The rows around the median perplexity.

use lobass_core::{Direction, ModelRole, Numbers};

use crate::order::ascending;
use crate::strategy::{Inputs, Need, Problem, Strategy, StrategyInfo};

/// The distance from the median of `L_base / n_scored`, in ranks, the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerplexityMiddle;

impl Strategy for PerplexityMiddle {
    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            needs: &[Need::Base],
            ..StrategyInfo::new(
                "perplexity-middle",
                Direction::Ascending,
                "distance from the median perplexity, in ranks (0 to 1)",
                "arXiv 2309.04564",
            )
        }
    }

    fn scores(&self, inputs: &Inputs<'_>) -> Result<Numbers, Problem> {
        Ok(from_the_middle(inputs.each(inputs.mean(ModelRole::Base))))
    }
}

/// Turns scores into their distance from the middle rank: 0 for the median, 1 for both ends. `n log n`.
fn from_the_middle(mut scores: Numbers) -> Numbers {
    // Adding zero makes -0.0 and 0.0 the same, as comparing scores does.
    let order = ascending(scores.len(), |row| Some(scores.get(row)? + 0.0));
    let last = order.len().saturating_sub(1).max(1) as f64;
    let mut first = 0;
    while first < order.len() {
        // Equal numbers have one rank, the mean of theirs, so that their place in the file does not matter.
        let number = scores.get(order[first] as usize);
        let same = order[first..].iter().take_while(|&&row| scores.get(row as usize) == number).count();
        let twice_the_rank = (2 * first + same - 1) as f64;
        for &row in &order[first..first + same] {
            scores.set(row as usize, Some((twice_the_rank / last - 1.0).abs()));
        }
        first += same;
    }
    scores
}
