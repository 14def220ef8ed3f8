//! Attention or MLP within a layer: the norms around it.

use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::norm::Norm;
use crate::ops::Ops;

/// The norms before and after attention or MLP.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norms<'a> {
    pub(super) before: Option<&'a Norm>,
    pub(super) after: Option<&'a Norm>,
}

impl Norms<'_> {
    /// What goes in, and what was given: `[rows, hidden]` both.
    pub(super) fn enter(self, x: Tensor<2>, ops: &dyn Ops) -> (Tensor<2>, Tensor<2>) {
        match self.before {
            Some(norm) => norm.forward(x, ops),
            None => (x.clone(), x),
        }
    }

    /// What is added to the residual stream, and the output before the last norm, if there is one.
    pub(super) fn leave(self, output: Tensor<2>, ops: &dyn Ops) -> (Tensor<2>, Option<Tensor<2>>) {
        match self.after {
            None => (output, None),
            Some(norm) => {
                let (normed, output) = norm.forward(output, ops);
                (normed, Some(output))
            }
        }
    }

    /// The gradient of [`Norms::enter`] with respect to what was given.
    pub(super) fn enter_backward(
        self,
        x: Tensor<2>,
        d_entered: Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        match self.before {
            Some(norm) => norm.backward(x, d_entered, gradients, ops),
            None => d_entered,
        }
    }

    /// The gradient of [`Norms::leave`] with respect to the output.
    pub(super) fn leave_backward(
        self,
        output: Option<Tensor<2>>,
        d_added: Tensor<2>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> Tensor<2> {
        match (self.after, output) {
            (Some(norm), Some(output)) => norm.backward(output, d_added, gradients, ops),
            _ => d_added,
        }
    }
}
