//! RMS normalization.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::source::{Scope, WeightSource};
use crate::NormSpec;
use crate::ops::{NormForm, NormGradients, NormWeights, Ops};

/// `x / sqrt(mean(x^2) + eps) * weight` over the last dimension, in `f32`.
#[derive(Module, Debug)]
pub(super) struct RmsNorm {
    /// `[width]`.
    pub(super) weight: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
    /// Whether training leaves the weight as it is.
    #[module(skip)]
    pub(super) frozen: bool,
}

impl RmsNorm {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        width: usize,
        spec: NormSpec,
    ) -> Result<Self, S::Error> {
        Ok(Self { weight: scope.param("weight", [width])?, eps: spec.eps, frozen: false })
    }

    /// `[rows, n * width]` to the same, and what was given: every `width` values are normalized by themselves.
    pub(super) fn forward(&self, x: Tensor<2>, ops: &dyn Ops) -> (Tensor<2>, Tensor<2>) {
        let shape = x.dims();
        let (y, x) = ops.norm(NormForm::rms(self.eps), self.by_width(x), &self.weights());
        (y.reshape(shape), x.reshape(shape))
    }

    pub(super) fn backward(
        &self,
        x: Tensor<2>,
        d_output: Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        let shape = x.dims();
        let (x, d_output) = (self.by_width(x), self.by_width(d_output));
        let form = NormForm::rms(self.eps);
        let NormGradients { input, weight, .. } =
            ops.norm_backward(form, x, &self.weights(), d_output, !self.frozen);
        if let Some(d_weight) = weight {
            gradients.add(self.weight.id, d_weight);
        }
        input.reshape(shape)
    }

    fn by_width(&self, x: Tensor<2>) -> Tensor<2> {
        let width = self.weight.lazy_shape()[0];
        let count = x.shape().num_elements();
        x.reshape([count / width, width])
    }

    fn weights(&self) -> NormWeights {
        NormWeights { weight: Some(self.weight.val().cast(DType::F32)), bias: None }
    }
}
