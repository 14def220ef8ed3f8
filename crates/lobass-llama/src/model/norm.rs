//! RMS normalisation.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::source::{Scope, WeightSource};

/// `x / sqrt(mean(x^2) + eps) * weight` over the last dimension.
///
/// The mean and the quotient are in `f32` and rounded once, before the weight is applied, as in `LlamaRMSNorm`.
#[derive(Module, Debug)]
pub(super) struct RmsNorm {
    /// `[width]`.
    weight: Param<Tensor<1>>,
    #[module(skip)]
    eps: f64,
}

impl RmsNorm {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        width: usize,
        eps: f64,
    ) -> Result<Self, S::Error> {
        Ok(Self { weight: scope.param("weight", [width])?, eps })
    }

    /// `[.., width]` to the same.
    pub(super) fn forward<const N: usize>(&self, input: Tensor<N>) -> Tensor<N> {
        let dtype = input.dtype();
        let input = input.cast(DType::F32);
        let mean_square = input.clone().square().mean_dim(N - 1);
        let normed = input / (mean_square + self.eps).sqrt();
        normed.cast(dtype) * self.weight.val().unsqueeze()
    }
}
