//! A projection with its weight as checkpoints store it, `[out, in]`, and perhaps a low-rank update.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::lora::Lora;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use crate::ops::{Input, Ops};

/// `x W^T + b`, and the update of an adapter if there is one.
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
    pub(super) fn forward(&self, x: &Input, pass: &Pass<'_>) -> Tensor<2> {
        let [y] = Self::forward_all([self], x, pass);
        y
    }

    /// Several projections of one input.
    pub(super) fn forward_all<const N: usize>(
        linears: [&Self; N],
        x: &Input,
        pass: &Pass<'_>,
    ) -> [Tensor<2>; N] {
        let weights = linears.map(|linear| linear.weight.val());
        let mut products = pass.ops.products(x, &weights).into_iter();
        linears.map(|linear| {
            let y = linear.with_bias(products.next().expect("there is a product for each weight"), None);
            match &linear.lora {
                Some(lora) => sum(y, lora.forward(x, pass)),
                None => y,
            }
        })
    }

    /// The number format of the weight.
    pub(super) fn dtype(&self) -> DType {
        self.weight.val().dtype()
    }

    /// The projection as a head, without a low-rank update: `[rows, hidden]` to `[rows, vocab]`, or to the columns of
    /// some tokens.
    pub(super) fn as_head(&self, hidden: &Input, tokens: Option<Range<usize>>, ops: &dyn Ops) -> Tensor<2> {
        debug_assert!(self.lora.is_none(), "heads are replaced as a whole");
        let weight = self.weight.val();
        let weight = match &tokens {
            None => weight,
            Some(tokens) => weight.slice(tokens.clone()),
        };
        self.with_bias(ops.product(hidden, &weight), tokens)
    }

    /// Adds the bias, or that of some outputs.
    fn with_bias(&self, y: Tensor<2>, outputs: Option<Range<usize>>) -> Tensor<2> {
        let Some(bias) = &self.bias else { return y };
        let bias = match outputs {
            None => bias.val(),
            Some(outputs) => bias.val().slice(outputs),
        };
        sum(y, bias.unsqueeze())
    }

    /// The gradient with respect to `x`, given that of the output.
    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let dx = self.as_head_backward(x, d_output, gradients, pass.ops);
        match &self.lora {
            Some(lora) => plus(dx, lora.backward(x, d_output, pass, gradients), pass.ops),
            None => dx,
        }
    }

    /// Adds what [`Linear::backward`] gives to a gradient, which others may have begun.
    pub(super) fn add_backward(
        &self,
        dx: Option<Tensor<2>>,
        x: &Tensor<2>,
        d_output: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let more = self.backward(x, &d_output, pass, gradients);
        pass.ops.recycle(d_output);
        match dx {
            None => more,
            Some(dx) => plus(dx, more, pass.ops),
        }
    }

    /// The gradient of [`Linear::as_head`].
    pub(super) fn as_head_backward(
        &self,
        x: &Tensor<2>,
        d_output: &Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        if !self.frozen {
            gradients.add(self.weight.id, ops.weight_backward(d_output, x));
            if let Some(bias) = &self.bias {
                gradients.add(bias.id, d_output.clone().sum_dim(0));
            }
        }
        ops.product_backward(d_output, self.weight.val())
    }
}

/// The sum of two gradients, in the buffer of the first; that of the second is kept for others.
pub(super) fn plus(sum: Tensor<2>, more: Tensor<2>, ops: &dyn Ops) -> Tensor<2> {
    let sum = sum + more.clone();
    ops.recycle(more);
    sum
}

/// The sum of both, added in `f32`, in the format of the first.
fn sum(y: Tensor<2>, more: Tensor<2>) -> Tensor<2> {
    let dtype = y.dtype();
    (y.cast(DType::F32) + more.cast(DType::F32)).cast(dtype)
}
