//! A training recipe.

use serde::{Deserialize, Serialize};

use crate::Schedule;

/// How a model is trained. The default is the recipe of Stanford Alpaca with one epoch instead of three, since a
/// reference that has seen its pool often has memorised it (see `docs/method.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How often every example is seen.
    pub epochs: u32,
    /// Examples per optimizer step.
    pub batch_size: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// What becomes of it over the steps.
    pub schedule: Schedule,
    /// The share of all steps over which it rises from zero.
    pub warmup_ratio: f64,
    /// Decoupled weight decay of matrices; norms and biases have none.
    pub weight_decay: f64,
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the latter.
    pub epsilon: f64,
    /// Gradients of a larger global norm are scaled down to it; 0 leaves them as they are.
    pub max_grad_norm: f64,
    /// Decides the order of the examples.
    pub seed: u64,
    /// Tokens, padding included, that are run at once on one thread. Memory grows with it; results change with it
    /// only in the last bits.
    pub micro_batch_tokens: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 128,
            learning_rate: 2e-5,
            schedule: Schedule::Cosine,
            warmup_ratio: 0.03,
            weight_decay: 0.0,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            max_grad_norm: 1.0,
            seed: 0,
            micro_batch_tokens: 512,
        }
    }
}
