//! The gated feed-forward layer.

use burn::module::Module;
use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::linear::Linear;
use super::parts::parts;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use crate::MlpSpec;
use crate::ops::{Gate, Input, Ops};

/// `down(gate(gate_proj(x), up_proj(x)))`.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    pub(super) gate_proj: Linear,
    pub(super) up_proj: Linear,
    pub(super) down_proj: Linear,
    #[module(skip)]
    gate: Gate,
}

parts!(Mlp: gate_proj, up_proj, down_proj);

/// Values for the backward pass, `[rows, inner]` each.
#[derive(Debug)]
pub(super) struct MlpTrace {
    gate: Tensor<2>,
    up: Tensor<2>,
}

impl MlpTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        ops.recycle(self.gate);
        ops.recycle(self.up);
    }
}

impl Mlp {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &MlpSpec,
    ) -> Result<Self, S::Error> {
        let MlpSpec { width: inner, gate, bias } = *spec;
        Ok(Self {
            gate_proj: Linear::load(&mut scope.child("gate_proj"), inner, hidden, bias)?,
            up_proj: Linear::load(&mut scope.child("up_proj"), inner, hidden, bias)?,
            down_proj: Linear::load(&mut scope.child("down_proj"), hidden, inner, bias)?,
            gate,
        })
    }

    /// `[rows, hidden]` to the same.
    pub(super) fn forward(&self, x: &Input, pass: &Pass<'_>) -> (Tensor<2>, MlpTrace) {
        let ops = pass.ops;
        let [gate, up] = Linear::forward_all([&self.gate_proj, &self.up_proj], x, pass);
        let (inner, gate, up) = ops.gated(self.gate, gate, up);
        let inner = ops.pack(inner, pass.dtype);
        let output = self.down_proj.forward(&inner, pass);
        ops.recycle(inner.into_values());
        (output, MlpTrace { gate, up })
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        trace: MlpTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let MlpTrace { gate, up } = trace;
        let (inner, gate, up) = pass.ops.gated(self.gate, gate, up);
        let d_inner = self.down_proj.backward(&inner, d_output, pass, gradients);
        pass.ops.recycle(inner);
        let (d_gate, d_up) = pass.ops.gated_backward(self.gate, gate, up, d_inner);
        let dx = self.gate_proj.add_backward(None, x, d_gate, pass, gradients);
        self.up_proj.add_backward(Some(dx), x, d_up, pass, gradients)
    }
}
