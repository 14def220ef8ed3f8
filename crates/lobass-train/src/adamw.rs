//! AdamW with the parameter groups of transformers' `Trainer`.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::ParamId;
use burn::tensor::Tensor;
use lobass_kernels::AdamW as Step;
use lobass_model::{Compute, Decoder, Gradients, Values};

use crate::TrainConfig;
use crate::mask::Factors;

/// AdamW: matrices decay, norms and biases do not. Moments are `f32`, as the trained weights are.
///
/// Source: `torch.optim.AdamW`, and `Trainer.get_decay_parameter_names` of transformers.
pub(crate) struct AdamW {
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    weight_decay: f64,
    undecayed: BTreeSet<u64>,
    /// Steps taken.
    n_steps: i32,
    pub(crate) moments: BTreeMap<u64, Moments>,
}

/// Running means of one parameter's gradients.
#[derive(Debug)]
pub(crate) struct Moments {
    pub(crate) means: Tensor<1>,
    pub(crate) squares: Tensor<1>,
}

impl AdamW {
    pub(crate) fn new(model: &Decoder, config: &TrainConfig) -> Self {
        let is_undecayed = |name: &str| name.contains("bias") || name.contains("norm");
        let undecayed = model.trained_parameters().into_iter().filter(|(name, _)| is_undecayed(name));
        Self {
            beta_1: config.beta_1,
            beta_2: config.beta_2,
            epsilon: config.epsilon,
            weight_decay: config.weight_decay,
            undecayed: undecayed.map(|(_, id)| id.val()).collect(),
            n_steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// Takes up after some steps, with the moments that they left.
    pub(crate) fn resume(&mut self, n_steps: usize, moments: BTreeMap<u64, Moments>) {
        self.n_steps = i32::try_from(n_steps).unwrap_or(i32::MAX);
        self.moments = moments;
    }

    /// Steps every trained parameter. One without a gradient had no influence, as an expert that no row was sent to: its
    /// gradient is zero. With a mask, only the weights in it.
    pub(crate) fn step(
        &mut self,
        model: Decoder,
        learning_rate: f64,
        mut gradients: Gradients,
        mask: Option<&Factors>,
    ) -> Decoder {
        self.n_steps += 1;
        let trained = model.trained_parameters().into_iter().map(|(_, id)| id.val());
        let trained: BTreeSet<u64> =
            trained.filter(|id| mask.is_none_or(|mask| mask.contains_key(id))).collect();
        let wants = |id: ParamId| trained.contains(&id.val());
        let compute = model.compute().clone();
        model.with_parameters(
            &mut |id, weights| {
                let gradient = gradients.take(id).unwrap_or_else(|| weights.zeros_like());
                match mask.and_then(|mask| mask.get(&id.val())) {
                    None => self.step_one(id, (weights, gradient), learning_rate, &compute),
                    Some(mask) => {
                        let before = weights.clone();
                        let after = self.step_one(id, (weights, gradient), learning_rate, &compute);
                        // One of the terms is zero, so the other stays as it is.
                        after * mask.clone() + before * (mask.clone() * -1.0 + 1.0)
                    }
                }
            },
            &wants,
        )
    }

    fn step_one(
        &mut self,
        id: ParamId,
        (weights, gradient): (Values, Values),
        learning_rate: f64,
        compute: &Compute,
    ) -> Values {
        let device = weights.device();
        let moments = self.moments.remove(&id.val()).unwrap_or_else(|| Moments {
            means: Tensor::zeros(weights.dims(), &device),
            squares: Tensor::zeros(weights.dims(), &device),
        });
        let step = self.scalars(id, learning_rate);
        let Moments { means, squares } = moments;
        let (weights, [means, squares]) = compute.adamw(step, weights, gradient, [means, squares]);
        self.moments.insert(id.val(), Moments { means, squares });
        weights
    }

    #[expect(clippy::cast_possible_truncation, reason = "the optimizer's arithmetic is f32, as in PyTorch")]
    fn scalars(&self, id: ParamId, learning_rate: f64) -> Step {
        let decays = !self.undecayed.contains(&id.val());
        Step {
            learning_rate: learning_rate as f32,
            beta_1: self.beta_1 as f32,
            beta_2: self.beta_2 as f32,
            epsilon: self.epsilon as f32,
            weight_decay: if decays { self.weight_decay as f32 } else { 0.0 },
            correction_1: (1.0 - self.beta_1.powi(self.n_steps)) as f32,
            correction_2_sqrt: (1.0 - self.beta_2.powi(self.n_steps)).sqrt() as f32,
        }
    }
}
