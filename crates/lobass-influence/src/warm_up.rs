//! An adapter at the end of an epoch, and what AdamW knew of its gradients then.

use burn::module::ParamId;
use lobass_core::Sequence;
use lobass_model::Decoder;
use lobass_train::{AdamState, RunningMeans, sequence_gradients};

use crate::Error;

/// A warm-up checkpoint.
#[derive(Debug)]
pub struct WarmUp {
    model: Decoder,
    parameters: Vec<Parameter>,
    state: AdamState,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    id: ParamId,
    n_values: usize,
}

impl WarmUp {
    /// Puts a model and the state of the optimizer that trained it together.
    ///
    /// # Errors
    /// [`Error::NothingTrained`] if there is no adapter on the model, [`Error::OtherState`] if the state lacks one of its
    /// parameters.
    pub fn new(model: Decoder, state: AdamState) -> Result<Self, Error> {
        let mut parameters = Vec::new();
        for (name, id) in model.trained_parameters() {
            let n_values = model.weight(&name).map_or(0, |weight| weight.num_elements());
            let found = state.means.get(&name);
            let lengths = found.map_or([0; 2], |means| [means.gradients.len(), means.squares.len()]);
            if let Some(&found) = lengths.iter().find(|&&length| length != n_values) {
                return Err(Error::OtherState { parameter: name, expected: n_values, found });
            }
            parameters.push(Parameter { name, id, n_values });
        }
        if parameters.is_empty() { Err(Error::NothingTrained) } else { Ok(Self { model, parameters, state }) }
    }

    /// The model.
    pub fn model(&self) -> &Decoder {
        &self.model
    }

    /// The mean learning rate of its epoch.
    pub fn learning_rate(&self) -> f64 {
        self.state.learning_rate
    }

    /// The length of a gradient: all trained values.
    pub fn n_values(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.n_values).sum()
    }

    /// The names of the parameters in the order in which a gradient has them.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str())
    }

    /// The gradient of the mean loss over the scored tokens of a sequence, all parameters one after the other.
    ///
    /// # Panics
    /// If a token has no embedding.
    pub fn gradient(&self, sequence: &Sequence) -> Vec<f32> {
        if sequence.n_scored() == 0 {
            return vec![f32::NAN; self.n_values()]; // a mean over nothing
        }
        let (_, mut gradients) = sequence_gradients(&self.model, sequence);
        gradients.take_values(self.parameters.iter().map(|parameter| (parameter.id, parameter.n_values)))
    }

    /// Scales a gradient as AdamW would in its next step, without the learning rate: `m / sqrt(v + eps)`, where
    /// `m = beta_1 m + (1 - beta_1) g` and `v = beta_2 v + (1 - beta_2) g^2`.
    ///
    /// # Panics
    /// If it has another length than [`WarmUp::n_values`].
    ///
    /// Source: `obtain_gradients_with_adam` of `princeton-nlp/LESS`, where epsilon is inside the root and moments are not
    /// corrected for bias.
    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    pub fn precondition(&self, gradient: &mut [f32]) {
        assert_eq!(gradient.len(), self.n_values(), "a gradient of this adapter");
        let AdamState { beta_1, beta_2, epsilon, .. } = self.state;
        let mut rest = gradient;
        for parameter in &self.parameters {
            let (values, after) = rest.split_at_mut(parameter.n_values);
            let RunningMeans { gradients, squares } = &self.state.means[&parameter.name];
            for ((value, &mean), &square) in values.iter_mut().zip(gradients).zip(squares) {
                let gradient = f64::from(*value);
                let mean = beta_1 * f64::from(mean) + (1.0 - beta_1) * gradient;
                let square = beta_2 * f64::from(square) + (1.0 - beta_2) * gradient * gradient;
                *value = (mean / (square + epsilon).sqrt()) as f32;
            }
            rest = after;
        }
    }
}
