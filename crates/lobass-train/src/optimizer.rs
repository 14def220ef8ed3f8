//! AdamW with the parameter groups of transformers' `Trainer`.

use burn::module::ParamGroup;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use lobass_llama::Llama;

use crate::TrainConfig;

/// AdamW: matrices decay, norms and biases do not.
///
/// Source: `torch.optim.AdamW`, and `Trainer.get_decay_parameter_names` of transformers.
#[expect(clippy::cast_possible_truncation, reason = "the optimizer's constants are f32")]
pub(crate) fn adamw(model: &Llama, config: &TrainConfig) -> ModuleOptimizer {
    let with_decay = |decay: f64| {
        AdamWConfig::new()
            .with_beta_1(config.beta_1 as f32)
            .with_beta_2(config.beta_2 as f32)
            .with_epsilon(config.epsilon as f32)
            .with_weight_decay(decay as f32)
    };
    let undecayed = model
        .parameter_names()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".bias") || name.contains("norm"))
        .map(|(_, id)| id)
        .collect();
    ModuleOptimizer::from(with_decay(config.weight_decay).build()).with_group(
        ParamGroup::from_ids(undecayed),
        with_decay(0.0).build(),
        None,
    )
}
