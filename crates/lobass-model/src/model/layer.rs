//! One decoder layer.

use burn::module::Module;
use burn::tensor::Tensor;

use super::attention::{Attention, AttentionTrace};
use super::gradients::Gradients;
use super::mlp::{Mlp, MlpTrace};
use super::norm::RmsNorm;
use super::parts::parts;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use crate::LayerSpec;
use crate::ops::{KeyPath, Ops, Tables};

#[derive(Module, Debug)]
pub(super) struct DecoderLayer {
    pub(super) self_attn: Attention,
    pub(super) mlp: Mlp,
    pub(super) input_layernorm: RmsNorm,
    pub(super) post_attention_layernorm: RmsNorm,
}

/// Values for a layer's backward pass. Normalized inputs are computed again, since that is cheap.
#[derive(Debug)]
pub(super) struct LayerTrace {
    /// `[rows, hidden]`.
    input: Tensor<2>,
    /// Everything else, unless it is to be made again.
    inner: Option<InnerTrace>,
}

#[derive(Debug)]
struct InnerTrace {
    attention: AttentionTrace,
    /// Between attention and MLP, `[rows, hidden]`.
    middle: Tensor<2>,
    mlp: MlpTrace,
}

impl InnerTrace {
    fn recycle(self, ops: &dyn Ops) {
        self.attention.recycle(ops);
        ops.recycle(self.middle);
        self.mlp.recycle(ops);
    }
}

parts!(DecoderLayer: self_attn, mlp, input_layernorm, post_attention_layernorm);

impl DecoderLayer {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &LayerSpec,
    ) -> Result<Self, S::Error> {
        let mut self_attn = Attention::load(&mut scope.child("self_attn"), hidden, &spec.attention)?;
        let mlp = Mlp::load(&mut scope.child("mlp"), hidden, &spec.mlp)?;
        self_attn.load_norms(&mut scope.child("self_attn"), &spec.attention)?;
        let mut norm = |name: &str| RmsNorm::load(&mut scope.child(name), hidden, spec.norm);
        let (input_layernorm, post_attention_layernorm) =
            (norm("input_layernorm")?, norm("post_attention_layernorm")?);
        Ok(Self { self_attn, mlp, input_layernorm, post_attention_layernorm })
    }

    /// `[rows, hidden]` to `[asked, hidden]`, for the rows of the pass that are asked for.
    pub(super) fn forward(
        &self,
        input: Tensor<2>,
        asked: &Tables,
        path: &mut KeyPath,
        pass: &Pass<'_>,
    ) -> Tensor<2> {
        let (output, input, inner) = self.run(input, asked, path, pass);
        pass.ops.recycle(input);
        inner.recycle(pass.ops);
        output
    }

    /// All rows to all rows, keeping what the backward pass needs.
    pub(super) fn forward_traced(&self, input: Tensor<2>, pass: &Pass<'_>) -> (Tensor<2>, LayerTrace) {
        let (output, input, inner) = self.run(input, &pass.all, &mut KeyPath::default(), pass);
        (output, LayerTrace { input, inner: (!pass.recompute).then_some(inner) })
    }

    fn run(
        &self,
        input: Tensor<2>,
        asked: &Tables,
        path: &mut KeyPath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Tensor<2>, InnerTrace) {
        let ops = pass.ops;
        let (normed, input) = self.input_layernorm.forward(input, ops);
        let normed = ops.pack(normed, pass.dtype);
        let (attended, attention) = self.self_attn.forward(&normed, asked, path, pass);
        ops.recycle(normed.into_values());
        let (middle, input) = ops.residual(asked.of(input), attended);
        let (normed, middle) = self.post_attention_layernorm.forward(middle, ops);
        let normed = ops.pack(normed, pass.dtype);
        let (fed, mlp) = self.mlp.forward(&normed, pass);
        ops.recycle(normed.into_values());
        let (output, middle) = ops.residual(middle, fed);
        (output, input, InnerTrace { attention, middle, mlp })
    }

    /// The gradient with respect to the input, given that of the output.
    pub(super) fn backward(
        &self,
        trace: LayerTrace,
        d_output: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let LayerTrace { input, inner } = trace;
        let (input, InnerTrace { attention, middle, mlp }) = match inner {
            Some(inner) => (input, inner),
            None => {
                let (_, input, inner) = self.run(input, &pass.all, &mut KeyPath::default(), pass);
                (input, inner)
            }
        };
        let (normed, middle) = self.post_attention_layernorm.forward(middle, pass.ops);
        let d_normed = self.mlp.backward(&normed, mlp, &d_output, pass, gradients);
        drop(normed);
        let d_middle =
            d_output + self.post_attention_layernorm.backward(middle, d_normed, gradients, pass.ops);
        let (normed, input) = self.input_layernorm.forward(input, pass.ops);
        let d_normed = self.self_attn.backward(&normed, attention, &d_middle, pass, gradients);
        d_middle + self.input_layernorm.backward(input, d_normed, gradients, pass.ops)
    }
}
