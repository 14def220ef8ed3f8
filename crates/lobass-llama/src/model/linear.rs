//! A projection with its weight as checkpoints store it, `[out, in]`.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::source::{Scope, WeightSource};

/// `x W^T + b`.
#[derive(Module, Debug)]
pub(super) struct Linear {
    /// `[out, in]`.
    weight: Param<Tensor<2>>,
    /// `[out]`.
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        out: usize,
        inputs: usize,
        bias: bool,
    ) -> Result<Self, S::Error> {
        let weight = scope.param("weight", [out, inputs])?;
        let bias = if bias { Some(scope.param("bias", [out])?) } else { None };
        Ok(Self { weight, bias })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        // A transposed view multiplies as fast as a transposed copy would.
        let output = input.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => output + bias.val().unsqueeze(),
            None => output,
        }
    }
}
