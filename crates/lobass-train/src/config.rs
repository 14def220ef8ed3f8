//! A training recipe.

use lobass_core::Dtype;
use lobass_mixture::Mixing;
use serde::{Deserialize, Serialize};

use crate::{Error, Schedule};

/// How a model is trained. The default is the recipe of Stanford Alpaca with one epoch instead of three, since a
/// reference that has seen its pool often has memorized it (see `docs/explain/score.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How often every example is seen.
    pub epochs: u32,
    /// Examples per optimizer step.
    pub batch_size: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// The learning-rate schedule.
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
    /// Gradients are clipped to this global norm; 0 disables clipping.
    pub max_grad_norm: f64,
    /// Decides new adapters and dropout, and the order of the examples unless `order_seed` does.
    pub seed: u64,
    /// Decides the order of the examples; `None` is the same as `Some(seed)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_seed: Option<u64>,
    /// Tokens that are run at once on one thread. Memory grows with it; results change with it only in the last bits.
    pub micro_batch_tokens: usize,
    /// Keep the inputs of layers only, and run each layer again for its gradients: less memory, a third more work,
    /// the same bits.
    pub recompute: bool,
    /// The number format of products, forward and backward: f32 or bf16. Weights, sums, and everything else are f32.
    #[serde(skip_serializing_if = "is_f32")]
    pub products: Dtype,
    /// How the sources of the examples are mixed; `None` takes every example once per epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixing: Option<Mixing>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_f32(dtype: &Dtype) -> bool {
    *dtype == Dtype::F32
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
            order_seed: None,
            micro_batch_tokens: 512,
            recompute: false,
            products: Dtype::F32,
            mixing: None,
        }
    }
}

impl TrainConfig {
    /// Checks that every number is one that training can follow.
    ///
    /// # Errors
    /// [`Error::Recipe`], naming the first field that is not.
    pub fn check(&self) -> Result<(), Error> {
        const POSITIVE: &str = "a finite number above 0";
        const NOT_NEGATIVE: &str = "a finite number of at least 0";
        const SHARE: &str = "a number from 0 to below 1";
        let numbers = [
            ("learning_rate", self.learning_rate, POSITIVE),
            ("epsilon", self.epsilon, POSITIVE),
            ("weight_decay", self.weight_decay, NOT_NEGATIVE),
            ("max_grad_norm", self.max_grad_norm, NOT_NEGATIVE),
            ("warmup_ratio", self.warmup_ratio, SHARE),
            ("beta_1", self.beta_1, SHARE),
            ("beta_2", self.beta_2, SHARE),
        ];
        for (field, value, expected) in numbers {
            let fits = match expected {
                POSITIVE => value > 0.0 && value.is_finite(),
                NOT_NEGATIVE => value >= 0.0 && value.is_finite(),
                _ => (0.0..1.0).contains(&value),
            };
            if !fits {
                return Err(Error::Recipe { field, expected, found: value.to_string() });
            }
        }
        if self.products == Dtype::F16 {
            let found = self.products.to_string();
            return Err(Error::Recipe { field: "products", expected: "f32 or bf16", found });
        }
        if let Some(Mixing { max_passes, .. }) = self.mixing
            && max_passes > 0
            && max_passes < self.epochs
        {
            return Err(lobass_mixture::Error::Passes { max_passes, epochs: self.epochs }.into());
        }
        if let Some(floor) = self.mixing.as_ref().and_then(|mixing| mixing.floor)
            && !(floor > 0.0 && floor.is_finite())
        {
            return Err(Error::Recipe {
                field: "mixing floor",
                expected: POSITIVE,
                found: floor.to_string(),
            });
        }
        let counts = [
            ("epochs", u64::from(self.epochs)),
            ("batch_size", self.batch_size as u64),
            ("micro_batch_tokens", self.micro_batch_tokens as u64),
            ("mixing passes", self.mixing.as_ref().map_or(1, |mixing| mixing.max_passes.into())),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((field, _)) => Err(Error::Recipe { field, expected: "at least 1", found: "0".to_owned() }),
            None => Ok(()),
        }
    }

    /// Checks that so many steps teach something: that not all of them warm up from a learning rate of zero.
    ///
    /// # Errors
    /// [`Error::OnlyWarmUp`]; also for no steps at all.
    pub fn check_steps(&self, n_steps: usize) -> Result<(), Error> {
        match (0..n_steps).all(|step| self.learning_rate_at(step, n_steps) == 0.0) {
            true => Err(Error::OnlyWarmUp { n_steps }),
            false => Ok(()),
        }
    }

    /// The seed of the order of the examples.
    pub fn order_seed(&self) -> u64 {
        self.order_seed.unwrap_or(self.seed)
    }

    /// The recipe with another seed. An order seed that differs from the seed moves by as much.
    #[must_use]
    pub fn with_seed(&self, seed: u64) -> Self {
        let offset = seed.wrapping_sub(self.seed);
        let order_seed = self.order_seed.map(|order| order.wrapping_add(offset));
        Self { seed, order_seed, ..self.clone() }
    }

    /// The number of steps for some examples; the last batch of an epoch holds what is left.
    pub fn n_steps(&self, n_examples: usize) -> usize {
        n_examples.div_ceil(self.batch_size.max(1)) * self.epochs as usize
    }

    /// The learning rate of a step, counted from 0.
    pub fn learning_rate_at(&self, step: usize, n_steps: usize) -> f64 {
        self.learning_rate * self.schedule.factor(step, n_steps, self.warmup_ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_that_cannot_be_followed_names_its_field() {
        assert!(TrainConfig::default().check().is_ok());
        let check = |field: &str, recipe: TrainConfig| {
            let message = recipe.check().unwrap_err().to_string();
            assert!(message.contains(&format!("`{field}`")), "{message}");
        };
        let default = TrainConfig::default;
        check("epochs", TrainConfig { epochs: 0, ..default() });
        check("batch_size", TrainConfig { batch_size: 0, ..default() });
        check("learning_rate", TrainConfig { learning_rate: f64::NAN, ..default() });
        check("learning_rate", TrainConfig { learning_rate: -1e-3, ..default() });
        check("warmup_ratio", TrainConfig { warmup_ratio: -7.0, ..default() });
        check("warmup_ratio", TrainConfig { warmup_ratio: 1.0, ..default() });
        check("products", TrainConfig { products: Dtype::F16, ..default() });
        check("max_grad_norm", TrainConfig { max_grad_norm: f64::INFINITY, ..default() });
    }

    #[test]
    fn an_order_has_its_seed_and_a_record_without_one_reads_as_before() {
        let plain = TrainConfig { seed: 7, ..TrainConfig::default() };
        assert_eq!((plain.order_seed(), plain.with_seed(9).order_seed()), (7, 9));
        let apart = TrainConfig { order_seed: Some(3), ..plain.clone() };
        let moved = apart.with_seed(9);
        assert_eq!((apart.order_seed(), moved.seed, moved.order_seed()), (3, 9, 5));
        let written = serde_json::to_string(&plain).unwrap();
        assert!(!written.contains("order_seed"), "{written}");
        assert_eq!(serde_json::from_str::<TrainConfig>(&written).unwrap(), plain);
    }

    #[test]
    fn a_warm_up_alone_teaches_nothing() {
        let config = TrainConfig { warmup_ratio: 0.03, ..TrainConfig::default() };
        assert!(matches!(config.check_steps(1), Err(Error::OnlyWarmUp { n_steps: 1 })));
        assert!(matches!(config.check_steps(0), Err(Error::OnlyWarmUp { n_steps: 0 })));
        config.check_steps(2).unwrap();
        TrainConfig { warmup_ratio: 0.0, ..config }.check_steps(1).unwrap();
    }
}
