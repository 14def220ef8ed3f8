//! An expert that works on every row, perhaps behind a gate.

use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::linear::Linear;
use super::mlp::{Mlp, MlpTrace};
use super::pass::Pass;
use crate::ops::{Activation, Gate, Input, Ops};

const GATE: Gate = Gate::Of(Activation::Sigmoid);

/// `mlp(x)`, or `sigmoid(gate(x)) mlp(x)` with one number for each row.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedExpert<'a> {
    pub(super) mlp: &'a Mlp,
    /// `[1, hidden]`.
    pub(super) gate: Option<&'a Linear>,
}

/// Values for the backward pass.
#[derive(Debug)]
pub(super) struct SharedTrace {
    mlp: MlpTrace,
    /// The gate's values, `[rows, hidden]`, and what they are multiplied with.
    gated: Option<(Tensor<2>, Tensor<2>)>,
}

impl SharedTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        self.mlp.recycle(ops);
        if let Some((gate, output)) = self.gated {
            ops.recycle(gate);
            ops.recycle(output);
        }
    }
}

impl SharedExpert<'_> {
    /// `[rows, hidden]` to the same.
    pub(super) fn forward(self, x: &Input, pass: &Pass<'_>) -> (Tensor<2>, SharedTrace) {
        let (output, mlp) = self.mlp.forward(x, pass);
        let Some(gate) = self.gate else {
            return (output, SharedTrace { mlp, gated: None });
        };
        let gate = gate.forward(x, pass).expand(output.shape());
        let (gated, gate, output) = pass.ops.gated(GATE, gate, output);
        (gated, SharedTrace { mlp, gated: Some((gate, output)) })
    }

    pub(super) fn backward(
        self,
        x: &Tensor<2>,
        trace: SharedTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let SharedTrace { mlp, gated } = trace;
        let Some((linear, (gate, output))) = self.gate.zip(gated) else {
            return self.mlp.backward(x, mlp, d_output, pass, gradients);
        };
        let (d_gate, d_mlp) = pass.ops.gated_backward(GATE, gate, output, d_output.clone());
        let dx = self.mlp.backward(x, mlp, &d_mlp, pass, gradients);
        pass.ops.recycle(d_mlp);
        linear.add_backward(Some(dx), x, d_gate.sum_dim(1), pass, gradients)
    }
}
