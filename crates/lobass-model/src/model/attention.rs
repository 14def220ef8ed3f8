//! Causal self-attention with grouped key-value heads.

use burn::module::Module;
use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::linear::{Linear, plus};
use super::loose::Numbers;
use super::norm::{BareNorm, Norm};
use super::parts::parts;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use crate::ops::{
    Activation, AttentionInputs, AttentionOutput, Gate, Heads, Input, KeyPath, Ops, Rotary, Tables,
};
use crate::{AttentionSpec, QkNorm};

/// The gate of what heads give.
const GATE: Gate = Gate::Of(Activation::Sigmoid);

#[derive(Module, Debug)]
pub(super) struct Attention {
    pub(super) q_proj: Linear,
    pub(super) k_proj: Linear,
    /// Without one, values are what keys are before their norm and their rotation.
    pub(super) v_proj: Option<Linear>,
    pub(super) o_proj: Linear,
    /// Over each head, or over all of them together.
    pub(super) q_norm: Option<Norm>,
    /// Like that of the queries.
    pub(super) k_norm: Option<Norm>,
    /// A score of each head to which no value belongs.
    pub(super) sinks: Option<Numbers>,
    /// The gate of what heads give.
    pub(super) query_gate: Option<Linear>,
    #[module(skip)]
    heads: Heads,
    /// For queries and for keys.
    #[module(skip)]
    rotary: Option<(Rotary, Rotary)>,
    /// Whether the norms come after the rotation.
    #[module(skip)]
    norms_last: bool,
    /// The norm of the values of each head.
    #[module(skip)]
    value_norm: Option<BareNorm>,
}

parts!(Attention: q_proj, k_proj, v_proj, o_proj, q_norm, k_norm, sinks, query_gate);

/// Values for the backward pass.
#[derive(Debug)]
pub(super) struct AttentionTrace {
    inputs: AttentionInputs,
    output: AttentionOutput,
    /// Queries and keys before their norms, if they have norms.
    unnormed: Option<(Tensor<2>, Tensor<2>)>,
    /// Values before their norm, if they have one.
    raw_values: Option<Tensor<2>>,
    /// `[asked, H * V]`, if there is a gate.
    gate: Option<Tensor<2>>,
}

impl AttentionTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        let AttentionInputs { queries, keys, values, .. } = self.inputs;
        for tensor in [queries, keys, values, self.output.context] {
            ops.recycle(tensor);
        }
        let (queries, keys) = self.unnormed.unzip();
        for tensor in [queries, keys, self.raw_values].into_iter().flatten() {
            ops.recycle(tensor);
        }
        if let Some(gate) = self.gate {
            ops.recycle(gate);
        }
    }
}

impl Attention {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &AttentionSpec,
    ) -> Result<Self, S::Error> {
        let (heads, bias) = (Heads::of(spec), spec.biases.inputs);
        let (queries, keys) = (heads.queries * heads.width, heads.keys * heads.width);
        let q_proj = Linear::load(&mut scope.child("q_proj"), queries, hidden, bias)?;
        let k_proj = Linear::load(&mut scope.child("k_proj"), keys, hidden, bias)?;
        let v_proj = match spec.keys_are_values {
            true => None,
            false => Some(Linear::load(&mut scope.child("v_proj"), keys, hidden, bias)?),
        };
        let o_proj = Linear::load(&mut scope.child("o_proj"), hidden, queries, spec.biases.output)?;
        Ok(Self {
            q_proj,
            k_proj,
            v_proj,
            o_proj,
            q_norm: None,
            k_norm: None,
            sinks: None,
            query_gate: None,
            heads,
            rotary: spec.rope.map(|rope| {
                let rotary = |rope| Rotary { rope, head_width: spec.head_width };
                (rotary(spec.query_rope.unwrap_or(rope)), rotary(rope))
            }),
            norms_last: spec.qk_norm.is_some_and(|norm| norm.after_rope),
            value_norm: spec.value_norm.map(|form| BareNorm { form, width: spec.head_width }),
        })
    }

    /// Loads what not every attention has: after all projections of the layer, as the layout has the norms of heads.
    pub(super) fn load_rest<S: WeightSource>(
        &mut self,
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &AttentionSpec,
    ) -> Result<(), S::Error> {
        if let Some(QkNorm { norm, per_head, .. }) = spec.qk_norm {
            let width = |heads: usize| self.heads.width * if per_head { 1 } else { heads };
            self.q_norm = Some(Norm::load(&mut scope.child("q_norm"), width(self.heads.queries), norm)?);
            self.k_norm = Some(Norm::load(&mut scope.child("k_norm"), width(self.heads.keys), norm)?);
        }
        if spec.sinks {
            self.sinks = Some(Numbers::load(&mut scope.child("sinks"), self.heads.queries)?);
        }
        if spec.output_gate {
            let (width, bias) = (self.heads.queries * self.heads.value_width, spec.biases.inputs);
            self.query_gate = Some(Linear::load(&mut scope.child("query_gate"), width, hidden, bias)?);
        }
        Ok(())
    }

    /// `[rows, hidden]` to `[asked, hidden]`, for the rows of the pass that are asked for.
    pub(super) fn forward(
        &self,
        x: &Input,
        asked: &Tables,
        path: &mut KeyPath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, AttentionTrace) {
        let ops = pass.ops;
        let of_asked = (!asked.is_all()).then(|| ops.pack(asked.of(x.values().clone()), pass.dtype));
        let of_asked = of_asked.as_ref();
        let (queries, keys, values) = self.projected(x, of_asked, pass);
        let (values, raw_values) = match self.value_norm {
            None => (values, None),
            Some(norm) => {
                let (normed, values) = norm.forward(values, ops);
                (normed, Some(values))
            }
        };
        let gate = self.query_gate.as_ref().map(|gate| gate.forward(of_asked.unwrap_or(x), pass));
        let (queries, keys, unnormed) = if self.norms_last {
            let (queries, keys) = self.turned(queries, keys, asked, pass);
            self.normed(queries, keys, ops)
        } else {
            let (queries, keys, unnormed) = self.normed(queries, keys, ops);
            let (queries, keys) = self.turned(queries, keys, asked, pass);
            (queries, keys, unnormed)
        };
        let sinks = self.sinks.as_ref().map(Numbers::values);
        let inputs = AttentionInputs { queries, keys, values, sinks };
        let (output, inputs) = ops.attention(inputs, self.heads, &pass.all, asked, path);
        let (passed, gate, output) = gated(gate, output, ops);
        let projected = self.o_proj.forward(&ops.pack(passed, pass.dtype), pass);
        (projected, AttentionTrace { inputs, output, unnormed, raw_values, gate })
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        trace: AttentionTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let AttentionTrace { inputs, output, unnormed, raw_values, gate } = trace;
        let ops = pass.ops;
        let (passed, gate, output) = gated(gate, output, ops);
        let d_passed = self.o_proj.backward(&passed, d_output, pass, gradients);
        ops.recycle(passed);
        let (d_context, d_gate) = match gate {
            None => (d_passed, None),
            Some(gate) => {
                let (d_gate, d_context) = ops.gated_backward(GATE, gate, output.context.clone(), d_passed);
                (d_context, Some(d_gate))
            }
        };
        let AttentionInputs { queries: d_queries, keys: d_keys, values: d_values, sinks: d_sinks } =
            ops.attention_backward(inputs, output, d_context, self.heads, &pass.all);
        if let (Some(sinks), Some(d_sinks)) = (&self.sinks, d_sinks) {
            sinks.backward(d_sinks, gradients);
        }
        let (d_queries, d_keys) = if self.norms_last {
            let (d_queries, d_keys) = self.normed_backward(d_queries, d_keys, unnormed, gradients, ops);
            self.turned_backward(d_queries, d_keys, pass)
        } else {
            let (d_queries, d_keys) = self.turned_backward(d_queries, d_keys, pass);
            self.normed_backward(d_queries, d_keys, unnormed, gradients, ops)
        };
        let d_values = match (self.value_norm, raw_values) {
            (Some(norm), Some(values)) => norm.backward(values, d_values, ops),
            _ => d_values,
        };
        let dx = self.q_proj.add_backward(None, x, d_queries, pass, gradients);
        let dx = match &self.v_proj {
            None => self.k_proj.add_backward(Some(dx), x, plus(d_keys, d_values, ops), pass, gradients),
            Some(v_proj) => {
                let dx = self.k_proj.add_backward(Some(dx), x, d_keys, pass, gradients);
                v_proj.add_backward(Some(dx), x, d_values, pass, gradients)
            }
        };
        match self.query_gate.as_ref().zip(d_gate) {
            None => dx,
            Some((query_gate, d_gate)) => query_gate.add_backward(Some(dx), x, d_gate, pass, gradients),
        }
    }

    /// Queries of the rows that are asked for, and keys and values of all rows.
    fn projected(
        &self,
        x: &Input,
        of_asked: Option<&Input>,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let (q_proj, k_proj) = (&self.q_proj, &self.k_proj);
        if let (None, Some(v_proj)) = (of_asked, &self.v_proj) {
            let [queries, keys, values] = Linear::forward_all([q_proj, k_proj, v_proj], x, pass);
            return (queries, keys, values);
        }
        let queries = q_proj.forward(of_asked.unwrap_or(x), pass);
        match &self.v_proj {
            Some(v_proj) => {
                let [keys, values] = Linear::forward_all([k_proj, v_proj], x, pass);
                (queries, keys, values)
            }
            None => {
                let keys = k_proj.forward(x, pass);
                (queries, keys.clone(), keys)
            }
        }
    }

    /// Normalized queries and keys, and those before the norms, if there are norms.
    fn normed(
        &self,
        queries: Tensor<2>,
        keys: Tensor<2>,
        ops: &dyn Ops,
    ) -> (Tensor<2>, Tensor<2>, Option<(Tensor<2>, Tensor<2>)>) {
        let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) else {
            return (queries, keys, None);
        };
        let (normed_queries, queries) = q_norm.forward(queries, ops);
        let (normed_keys, keys) = k_norm.forward(keys, ops);
        (normed_queries, normed_keys, Some((queries, keys)))
    }

    fn normed_backward(
        &self,
        d_queries: Tensor<2>,
        d_keys: Tensor<2>,
        unnormed: Option<(Tensor<2>, Tensor<2>)>,
        gradients: &mut Gradients,
        ops: &dyn Ops,
    ) -> (Tensor<2>, Tensor<2>) {
        match (&self.q_norm, &self.k_norm, unnormed) {
            (Some(q_norm), Some(k_norm), Some((queries, keys))) => (
                q_norm.backward(queries, d_queries, gradients, ops),
                k_norm.backward(keys, d_keys, gradients, ops),
            ),
            _ => (d_queries, d_keys),
        }
    }

    /// Rotated queries and keys.
    fn turned(
        &self,
        queries: Tensor<2>,
        keys: Tensor<2>,
        asked: &Tables,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Tensor<2>) {
        match self.rotary {
            None => (queries, keys),
            Some((of_queries, of_keys)) => {
                (pass.ops.rotate(queries, asked, of_queries), pass.ops.rotate(keys, &pass.all, of_keys))
            }
        }
    }

    fn turned_backward(
        &self,
        d_queries: Tensor<2>,
        d_keys: Tensor<2>,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Tensor<2>) {
        match self.rotary {
            None => (d_queries, d_keys),
            Some((of_queries, of_keys)) => {
                let back = |gradient, how| pass.ops.rotate_backward(gradient, &pass.all, how);
                (back(d_queries, of_queries), back(d_keys, of_keys))
            }
        }
    }
}

/// What a gate lets through of a context, the gate, and the context.
fn gated(
    gate: Option<Tensor<2>>,
    output: AttentionOutput,
    ops: &dyn Ops,
) -> (Tensor<2>, Option<Tensor<2>>, AttentionOutput) {
    match gate {
        None => (output.context.clone(), None, output),
        Some(gate) => {
            let (passed, gate, context) = ops.gated(GATE, gate, output.context);
            (passed, Some(gate), AttentionOutput { context, ..output })
        }
    }
}
