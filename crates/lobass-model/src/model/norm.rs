//! Normalization.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::source::{Scope, WeightSource};
use crate::NormSpec;
use crate::ops::{NormForm, NormGradients, NormWeights, Ops};

/// A normalization of every `width` values by themselves, without a weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct BareNorm {
    pub(super) form: NormForm,
    pub(super) width: usize,
}

impl BareNorm {
    /// `[rows, n * width]` to the same, and what was given.
    pub(super) fn forward(self, x: Tensor<2>, ops: &dyn Ops) -> (Tensor<2>, Tensor<2>) {
        let shape = x.dims();
        let (y, x) = ops.norm(self.form, by_width(x, self.width), &NormWeights::default());
        (y.reshape(shape), x.reshape(shape))
    }

    pub(super) fn backward(self, x: Tensor<2>, d_output: Tensor<2>, ops: &dyn Ops) -> Tensor<2> {
        let shape = x.dims();
        let (x, d_output) = (by_width(x, self.width), by_width(d_output, self.width));
        let weights = NormWeights::default();
        ops.norm_backward(self.form, x, &weights, d_output, false).input.reshape(shape)
    }
}

fn by_width(x: Tensor<2>, width: usize) -> Tensor<2> {
    let count = x.shape().num_elements();
    x.reshape([count / width, width])
}

/// A normalization over the last dimension, in `f32`.
#[derive(Module, Debug)]
pub(super) struct Norm {
    /// `[width]`.
    pub(super) weight: Param<Tensor<1>>,
    /// `[width]`.
    pub(super) bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    form: NormForm,
    /// Whether training leaves weight and bias as they are.
    #[module(skip)]
    pub(super) frozen: bool,
}

impl Norm {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        width: usize,
        spec: NormSpec,
    ) -> Result<Self, S::Error> {
        let weight = scope.param("weight", [width])?;
        let bias = if spec.bias { Some(scope.param("bias", [width])?) } else { None };
        Ok(Self { weight, bias, form: spec.form, frozen: false })
    }

    /// `[rows, n * width]` to the same, and what was given: every `width` values are normalized by themselves.
    pub(super) fn forward(&self, x: Tensor<2>, ops: &dyn Ops) -> (Tensor<2>, Tensor<2>) {
        let shape = x.dims();
        let (y, x) = ops.norm(self.form, self.by_width(x), &self.weights());
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
        let NormGradients { input, weight, bias } =
            ops.norm_backward(self.form, x, &self.weights(), d_output, !self.frozen);
        if let Some(d_weight) = weight {
            gradients.add(self.weight.id, d_weight);
        }
        if let (Some(parameter), Some(d_bias)) = (&self.bias, bias) {
            gradients.add(parameter.id, d_bias);
        }
        input.reshape(shape)
    }

    fn by_width(&self, x: Tensor<2>) -> Tensor<2> {
        by_width(x, self.weight.lazy_shape()[0])
    }

    fn weights(&self) -> NormWeights {
        let wide = |parameter: &Param<Tensor<1>>| parameter.val().cast(DType::F32);
        NormWeights { weight: Some(wide(&self.weight)), bias: self.bias.as_ref().map(wide) }
    }
}
