//! The gated feed-forward layer.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::linear::Linear;
use super::source::{Scope, WeightSource};
use crate::LlamaConfig;

/// SwiGLU: `down(silu(gate(x)) * up(x))`.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        config: &LlamaConfig,
    ) -> Result<Self, S::Error> {
        let (hidden, inner, bias) = (config.hidden_size, config.intermediate_size, config.mlp_bias);
        Ok(Self {
            gate_proj: Linear::load(&mut scope.child("gate_proj"), inner, hidden, bias)?,
            up_proj: Linear::load(&mut scope.child("up_proj"), inner, hidden, bias)?,
            down_proj: Linear::load(&mut scope.child("down_proj"), hidden, inner, bias)?,
        })
    }

    /// `[B, T, hidden]` to the same.
    pub(super) fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        let [batch, seq, hidden] = input.dims();
        let input = input.reshape([batch * seq, hidden]);
        let gated = silu(self.gate_proj.forward(input.clone())) * self.up_proj.forward(input);
        self.down_proj.forward(gated).reshape([batch, seq, hidden])
    }
}
