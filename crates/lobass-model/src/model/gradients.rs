//! Gradients by parameter.

use std::collections::BTreeMap;

use burn::module::ParamId;
use burn::tensor::Tensor;

use crate::ops::Compute;

/// The gradient of each trained parameter, flattened.
#[derive(Debug, Clone)]
pub struct Gradients {
    compute: Compute,
    by_parameter: BTreeMap<u64, Tensor<1>>,
}

impl Gradients {
    /// No gradients.
    pub(super) fn new(compute: Compute) -> Self {
        Self { compute, by_parameter: BTreeMap::new() }
    }

    /// Adds to the gradient of a parameter.
    pub(crate) fn add<const D: usize>(&mut self, id: ParamId, gradient: Tensor<D>) {
        let count = gradient.shape().num_elements();
        self.add_flat(id.val(), gradient.reshape([count]));
    }

    /// Adds to the gradient of a matrix of a shape: a row of `d_rows` to the row of each token.
    pub(crate) fn add_by_token(&mut self, id: ParamId, shape: [usize; 2], tokens: &[u32], d_rows: Tensor<2>) {
        let sum = self.by_parameter.remove(&id.val()).map(|sum| sum.reshape(shape));
        let sum = self.compute.ops().added_by_token(sum, shape, tokens, d_rows);
        self.by_parameter.insert(id.val(), sum.reshape([shape[0] * shape[1]]));
    }

    fn add_flat(&mut self, id: u64, gradient: Tensor<1>) {
        let sum = match self.by_parameter.remove(&id) {
            None => gradient,
            Some(sum) => self.compute.ops().added(sum, gradient),
        };
        self.by_parameter.insert(id, sum);
    }

    /// Adds other gradients to these.
    pub fn merge(&mut self, other: Self) {
        for (id, gradient) in other.by_parameter {
            self.add_flat(id, gradient);
        }
    }

    /// The gradient of a parameter, in the order of its values.
    pub fn get(&self, id: ParamId) -> Option<&Tensor<1>> {
        self.by_parameter.get(&id.val())
    }

    /// Takes the gradient of a parameter out.
    pub fn take(&mut self, id: ParamId) -> Option<Tensor<1>> {
        self.by_parameter.remove(&id.val())
    }

    /// Takes the gradients of parameters of so many values out, one after the other, in one read; zeros where there is
    /// none.
    pub fn take_values(&mut self, parameters: impl IntoIterator<Item = (ParamId, usize)>) -> Vec<f32> {
        let device = self.compute.ops().device();
        let parameters = parameters.into_iter();
        let gradients: Vec<Tensor<1>> = parameters
            .map(|(id, n_values)| self.take(id).unwrap_or_else(|| Tensor::zeros([n_values], &device)))
            .collect();
        self.compute.ops().joined(gradients)
    }

    /// Multiplies the gradient of each parameter by factors; parameters without factors lose theirs.
    ///
    /// # Panics
    /// If there is not a factor for each value.
    #[must_use]
    pub fn masked(self, factors: &BTreeMap<u64, Tensor<1>>) -> Self {
        let mask = |(id, gradient): (u64, Tensor<1>)| Some((id, gradient * factors.get(&id)?.clone()));
        Self { compute: self.compute, by_parameter: self.by_parameter.into_iter().filter_map(mask).collect() }
    }

    /// The Euclidean norm of all gradients together.
    ///
    /// Source: `torch.nn.utils.clip_grad_norm_`.
    pub fn norm(&self) -> f64 {
        let gradients: Vec<&Tensor<1>> = self.by_parameter.values().collect();
        self.compute.ops().sums_of_squares(&gradients).into_iter().sum::<f64>().sqrt()
    }

    /// Multiplies all gradients by a factor.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |(id, gradient): (u64, Tensor<1>)| (id, gradient * factor);
        Self { compute: self.compute, by_parameter: self.by_parameter.into_iter().map(scale).collect() }
    }
}
