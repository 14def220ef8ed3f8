//! How rows are normalized.

use burn::tensor::{Device, Tensor};

/// What a row is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormKind {
    /// The root of the mean square: `x / sqrt(mean(x^2) + eps)`. It has no bias.
    Rms,
    /// The standard deviation, after the mean is taken away: `(x - mean(x)) / sqrt(var(x) + eps)`.
    Layer,
}

/// A normalization over the last dimension, in `f32`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormForm {
    /// What a row is divided by.
    pub kind: NormKind,
    /// What is added to the mean square or to the variance.
    pub eps: f64,
    /// What is added to the weight before rows are multiplied with it: 1 where checkpoints store `weight - 1`, as
    /// Gemma's do, and 0 elsewhere.
    pub weight_offset: f32,
}

impl NormForm {
    /// An RMS norm whose weight is used as it is.
    pub fn rms(eps: f64) -> Self {
        Self { kind: NormKind::Rms, eps, weight_offset: 0.0 }
    }
}

/// The parameters of a normalization, `f32`, `[width]` each.
#[derive(Debug, Clone, Default)]
pub(crate) struct NormWeights {
    /// Without one, rows are only normalized.
    pub(crate) weight: Option<Tensor<1>>,
    pub(crate) bias: Option<Tensor<1>>,
}

impl NormWeights {
    /// What rows are multiplied with.
    pub(super) fn factors(&self, form: NormForm, width: usize, device: &Device) -> Tensor<1> {
        match &self.weight {
            None => Tensor::ones([width], device),
            Some(weight) if form.weight_offset == 0.0 => weight.clone(),
            Some(weight) => weight.clone() + form.weight_offset,
        }
    }
}

/// The gradients of a normalization.
#[derive(Debug)]
pub(crate) struct NormGradients {
    /// `[rows, width]`.
    pub(crate) input: Tensor<2>,
    /// `[width]`, if there is a weight and its gradient was asked for.
    pub(crate) weight: Option<Tensor<1>>,
    /// `[width]`, if there is a bias and its gradient was asked for.
    pub(crate) bias: Option<Tensor<1>>,
}
