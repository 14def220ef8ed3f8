//! A projection with its weight as checkpoints store it, `[out, in]`, and perhaps a low-rank update.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::Gradients;
use super::lora::Lora;
use super::pass::Products;
use super::source::{Scope, WeightSource};
use crate::host::widened;
use crate::ops;

/// `x W^T + b`, and the update of an adapter if there is one. Weights of half precision are widened, and the
/// arithmetic is `f32`, unless [`Products`] say otherwise.
#[derive(Module, Debug)]
pub(super) struct Linear {
    /// `[out, in]`.
    pub(super) weight: Param<Tensor<2>>,
    /// `[out]`.
    pub(super) bias: Option<Param<Tensor<1>>>,
    pub(super) lora: Option<Lora>,
    /// Whether training leaves weight and bias as they are.
    #[module(skip)]
    pub(super) frozen: bool,
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
        Ok(Self { weight, bias, lora: None, frozen: false })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, x: &Tensor<2>, products: Products) -> Tensor<2> {
        let mut y = ops::project(x, &self.weight.val(), products.rounded);
        if let Some(bias) = &self.bias {
            y = y + bias.val().cast(DType::F32).unsqueeze();
        }
        match &self.lora {
            Some(lora) => y + lora.forward(x, products.dropout_seed),
            None => y,
        }
    }

    /// Some columns of what a projection without a low-rank update gives.
    pub(super) fn forward_part(&self, x: &Tensor<2>, outputs: Range<usize>) -> Tensor<2> {
        debug_assert!(self.lora.is_none(), "heads are replaced as a whole");
        let y = ops::project(x, &self.weight.val().slice(outputs.clone()), false);
        match &self.bias {
            Some(bias) => y + bias.val().slice(outputs).cast(DType::F32).unsqueeze(),
            None => y,
        }
    }

    /// The gradient with respect to `x`, given that of the output.
    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        d_output: &Tensor<2>,
        dropout_seed: Option<u64>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        if !self.frozen {
            gradients.add(self.weight.id, d_output.clone().transpose().matmul(x.clone()));
            if let Some(bias) = &self.bias {
                gradients.add(bias.id, d_output.clone().sum_dim(0));
            }
        }
        let dx = d_output.clone().matmul(widened(self.weight.val()));
        match &self.lora {
            Some(lora) => dx + lora.backward(x, d_output, dropout_seed, gradients),
            None => dx,
        }
    }
}
