//! The cost of a selection and a training.

use serde::{Deserialize, Serialize};

/// A forward and a backward pass, in forward passes: the backward pass has two products for each one of the forward.
const OF_TRAINING: f64 = 3.0;

/// The cost of an arm, in forward passes of the model over the whole pool.
///
/// Source of the accounting: GRAPE, arXiv 2502.04194, appendix F, where learnability costs the training of the
/// reference and two passes. Only tokens that go through the model count: no tokenizing, no reading, no generation.
/// What the plan of the loss engine saves is left out, since it is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Scoring of the pool: a pass for each column of losses that the strategy reads.
    pub scoring: f64,
    /// Training of the references that the strategy reads; absent if the length of their training is unknown.
    pub references: Option<f64>,
    /// Training on what was selected.
    pub training: f64,
}

impl Cost {
    /// The cost of training on a number of tokens, for a pool with `pool_tokens`.
    pub fn of_training(n_tokens: f64, pool_tokens: u64) -> f64 {
        OF_TRAINING * n_tokens / pool_tokens as f64
    }

    /// Everything, if everything is known.
    pub fn total(&self) -> Option<f64> {
        Some(self.scoring + self.references? + self.training)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learnability_costs_a_training_and_two_passes() {
        // One epoch of the reference, and one of a tenth of a pool of a million tokens.
        let references = Some(Cost::of_training(1e6, 1_000_000));
        let cost = Cost { scoring: 2.0, references, training: Cost::of_training(1e5, 1_000_000) };
        assert!((cost.total().unwrap() - 5.3).abs() < 1e-12);
        assert_eq!(Cost { references: None, ..cost }.total(), None);
    }
}
