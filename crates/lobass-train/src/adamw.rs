//! AdamW with the parameter groups of transformers' `Trainer`.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::ParamId;
use burn::tensor::Tensor;
use lobass_kernels::AdamW as Step;
use lobass_llama::host::{Lent, is_host};
use lobass_llama::{Gradients, Llama, Values};

use crate::TrainConfig;

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
    pub(crate) fn new(model: &Llama, config: &TrainConfig) -> Self {
        let is_undecayed = |name: &str| name.ends_with(".bias") || name.contains("norm");
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

    /// Steps every parameter that has a gradient.
    pub(crate) fn step(&mut self, model: Llama, learning_rate: f64, mut gradients: Gradients) -> Llama {
        self.n_steps += 1;
        let trained: BTreeSet<u64> = model.trained_parameters().into_iter().map(|(_, id)| id.val()).collect();
        let wants = |id: ParamId| trained.contains(&id.val());
        model.with_parameters(
            &mut |id, weights| match gradients.take(id) {
                Some(gradient) => self.step_one(id, weights, gradient, learning_rate),
                None => weights,
            },
            &wants,
        )
    }

    fn step_one(&mut self, id: ParamId, weights: Values, gradient: Values, learning_rate: f64) -> Values {
        let device = weights.device();
        let moments = self.moments.remove(&id.val()).unwrap_or_else(|| Moments {
            means: Tensor::zeros(weights.dims(), &device),
            squares: Tensor::zeros(weights.dims(), &device),
        });
        let step = self.scalars(id, learning_rate);
        let (weights, moments) = if is_host(&device) {
            on_host(step, weights, gradient, moments)
        } else {
            plain(step, weights, gradient, moments)
        };
        self.moments.insert(id.val(), moments);
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

fn on_host(step: Step, weights: Values, gradient: Values, moments: Moments) -> (Values, Moments) {
    let device = weights.device();
    let (mut weights, gradient) = (Lent::new(weights), Lent::new(gradient));
    let (mut means, mut squares) = (Lent::new(moments.means), Lent::new(moments.squares));
    lobass_kernels::adamw(
        step,
        weights.values_mut(),
        gradient.values(),
        means.values_mut(),
        squares.values_mut(),
    );
    let moments = Moments { means: means.back(&device), squares: squares.back(&device) };
    (weights.back(&device), moments)
}

/// In burn's own terms, for devices without kernels of ours.
fn plain(step: Step, weights: Values, gradient: Values, moments: Moments) -> (Values, Moments) {
    let means = moments.means * step.beta_1 + gradient.clone() * (1.0 - step.beta_1);
    let squares = moments.squares * step.beta_2 + gradient.square() * (1.0 - step.beta_2);
    let root = squares.clone().sqrt() / step.correction_2_sqrt + step.epsilon;
    let update = means.clone() / step.correction_1 / root;
    let weights = weights * (1.0 - step.learning_rate * step.weight_decay) - update * step.learning_rate;
    (weights, Moments { means, squares })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_kernel_is_the_plain_step(
            rows in prop::collection::vec((-2f32..2.0, -2f32..2.0, -1f32..1.0, 0f32..1.0), 1..20),
            n_steps in 1i32..50,
        ) {
            let device = Device::flex();
            let column = |value: fn(&(f32, f32, f32, f32)) -> f32| -> Tensor<1> {
                let values: Vec<f32> = rows.iter().map(value).collect();
                Tensor::from_data(TensorData::new(values, [rows.len()]), &device)
            };
            let step = Step {
                learning_rate: 0.01,
                beta_1: 0.9,
                beta_2: 0.95,
                epsilon: 1e-8,
                weight_decay: 0.1,
                correction_1: 1.0 - 0.9f32.powi(n_steps),
                correction_2_sqrt: (1.0 - 0.95f32.powi(n_steps)).sqrt(),
            };
            let moments = || Moments { means: column(|row| row.2), squares: column(|row| row.3) };
            let (found, found_moments) = on_host(step, column(|row| row.0), column(|row| row.1), moments());
            let (expected, moments) = plain(step, column(|row| row.0), column(|row| row.1), moments());
            for (found, expected) in [
                (found, expected),
                (found_moments.means, moments.means),
                (found_moments.squares, moments.squares),
            ] {
                let worst = (found - expected).abs().max().into_scalar::<f32>();
                prop_assert!(worst < 1e-5, "{}", worst);
            }
        }
    }
}
