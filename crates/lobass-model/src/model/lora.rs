//! A low-rank update of a projection.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::pass::Pass;
use crate::ops::Input;

/// `s (dropout(x) A^T) B^T`: the product is never made dense.
///
/// Source: LoRA (Hu et al., 2021), eq. 3; `Linear.forward` of PEFT's `lora/layer.py`.
#[derive(Module, Debug)]
pub(super) struct Lora {
    /// `[rank, in]`.
    pub(super) a: Param<Tensor<2>>,
    /// `[out, rank]`.
    pub(super) b: Param<Tensor<2>>,
    #[module(skip)]
    pub(super) scale: f64,
    /// The share of inputs that training leaves out.
    #[module(skip)]
    pub(super) dropout: f64,
}

impl Lora {
    pub(super) fn forward(&self, x: &Input, pass: &Pass<'_>) -> Tensor<2> {
        let ops = pass.ops;
        let product = |x: Tensor<2>, weight: Tensor<2>| ops.product(&ops.pack(x, DType::F32), &weight);
        let low = match pass.dropout(self.a.id.val(), self.dropout) {
            None => ops.product(x, &self.a.val()),
            Some(dropout) => {
                product(ops.drop_out(x.values().clone(), dropout, &pass.dropout_masks), self.a.val())
            }
        };
        product(low * self.scale, self.b.val())
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let dropout = pass.dropout(self.a.id.val(), self.dropout);
        let dropped = |x: Tensor<2>| match dropout {
            None => x,
            Some(dropout) => pass.ops.drop_out(x, dropout, &pass.dropout_masks),
        };
        let x = dropped(x.clone().cast(DType::F32));
        let low = x.clone().matmul(self.a.val().transpose()) * self.scale;
        gradients.add(self.b.id, d_output.clone().transpose().matmul(low));
        let d_low = d_output.clone().matmul(self.b.val()) * self.scale;
        gradients.add(self.a.id, d_low.clone().transpose().matmul(x));
        dropped(d_low.matmul(self.a.val()))
    }

    /// `B A`, scaled: what the update adds to the weight, `[out, in]`.
    pub(super) fn dense(&self) -> Tensor<2> {
        self.b.val().matmul(self.a.val()) * self.scale
    }
}
