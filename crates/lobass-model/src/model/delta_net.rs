//! Linear attention by the gated delta rule.

use burn::module::Module;
use burn::tensor::Tensor;

use super::gradients::Gradients;
use super::linear::Linear;
use super::loose::{Filters, Numbers};
use super::norm::Norm;
use super::parts::parts;
use super::pass::Pass;
use super::short_conv::{Convolved, ShortConv};
use super::source::{Scope, WeightSource};
use crate::LinearAttentionSpec;
use crate::ops::{Activation, DecayWeights, DeltaHeads, DeltaInputs, Gate, Input, LayerPath, Ops, Tables};

const GATE: Gate = Gate::Of(Activation::Silu);
/// In the norms of queries and keys.
const EPS: f64 = 1e-6;

/// Projections of queries, keys, and values with a short convolution each; the delta rule; a norm behind a gate.
///
/// Source: `Qwen3NextGatedDeltaNet` of transformers 5.24.
#[derive(Module, Debug)]
pub(super) struct DeltaNet {
    pub(super) in_proj_q: Linear,
    pub(super) in_proj_k: Linear,
    pub(super) in_proj_v: Linear,
    /// The gate of what is read.
    pub(super) in_proj_z: Linear,
    /// How much of a value is written.
    pub(super) in_proj_b: Linear,
    /// How fast memories decay.
    pub(super) in_proj_a: Linear,
    pub(super) conv_q: Filters,
    pub(super) conv_k: Filters,
    pub(super) conv_v: Filters,
    pub(super) log_rates: Numbers,
    pub(super) rate_bias: Numbers,
    pub(super) norm: Norm,
    pub(super) out_proj: Linear,
    #[module(skip)]
    heads: DeltaHeads,
}

parts!(
    DeltaNet: in_proj_q,
    in_proj_k,
    in_proj_v,
    in_proj_z,
    in_proj_b,
    in_proj_a,
    conv_q,
    conv_k,
    conv_v,
    log_rates,
    rate_bias,
    norm,
    out_proj
);

/// Values for the backward pass, `[rows, ..]` each.
#[derive(Debug)]
pub(super) struct DeltaNetTrace {
    queries: Convolved,
    keys: Convolved,
    values: Convolved,
    /// What rates and decays are functions of.
    rates: Tensor<2>,
    decays: Tensor<2>,
    inputs: DeltaInputs,
    /// What queries read, before its norm and after it.
    read: Tensor<2>,
    normed: Tensor<2>,
    gate: Tensor<2>,
}

impl DeltaNetTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        let DeltaInputs { queries, keys, values, log_decays, rates } = self.inputs;
        let own = [self.rates, self.decays, self.read, self.normed, self.gate];
        for tensor in own.into_iter().chain([queries, keys, values, log_decays, rates]) {
            ops.recycle(tensor);
        }
        for convolved in [self.queries, self.keys, self.values] {
            convolved.recycle(ops);
        }
    }
}

impl DeltaNet {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &LinearAttentionSpec,
    ) -> Result<Self, S::Error> {
        let heads = spec.heads();
        let (keys, values) = (heads.keys * heads.key_width, heads.values * heads.value_width);
        let mut linear = |name: &str, out| Linear::load(&mut scope.child(name), out, hidden, false);
        let [in_proj_q, in_proj_k] = [linear("in_proj_q", keys)?, linear("in_proj_k", keys)?];
        let [in_proj_v, in_proj_z] = [linear("in_proj_v", values)?, linear("in_proj_z", values)?];
        let [in_proj_b, in_proj_a] = [linear("in_proj_b", heads.values)?, linear("in_proj_a", heads.values)?];
        let mut conv = |name: &str, out| Filters::load(&mut scope.child(name), out, spec.conv_size);
        Ok(Self {
            in_proj_q,
            in_proj_k,
            in_proj_v,
            in_proj_z,
            in_proj_b,
            in_proj_a,
            conv_q: conv("conv_q", keys)?,
            conv_k: conv("conv_k", keys)?,
            conv_v: conv("conv_v", values)?,
            log_rates: Numbers::load(&mut scope.child("log_rates"), heads.values)?,
            rate_bias: Numbers::load(&mut scope.child("rate_bias"), heads.values)?,
            norm: Norm::load(&mut scope.child("norm"), heads.value_width, spec.norm)?,
            out_proj: Linear::load(&mut scope.child("out_proj"), hidden, values, false)?,
            heads,
        })
    }

    /// `[rows, hidden]` to `[asked, hidden]`, for the rows of the pass that are asked for.
    pub(super) fn forward(
        &self,
        x: &Input,
        asked: &Tables,
        path: &mut LayerPath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, DeltaNetTrace) {
        let ops = pass.ops;
        let inputs = [&self.in_proj_q, &self.in_proj_k, &self.in_proj_v, &self.in_proj_b, &self.in_proj_a];
        let [queries, keys, values, rates, decays] = Linear::forward_all(inputs, x, pass);
        let gate = match asked.is_all() {
            true => self.in_proj_z.forward(x, pass),
            false => {
                let of_asked = ops.pack(asked.of(x.values().clone()), pass.dtype);
                self.in_proj_z.forward(&of_asked, pass)
            }
        };
        let [conv_q, conv_k, conv_v] = self.convolutions();
        let [path_q, path_k, path_v] = &mut path.convolutions;
        let (queries, of_queries) = conv_q.forward(queries, path_q, pass);
        let (keys, of_keys) = conv_k.forward(keys, path_k, pass);
        let (values, of_values) = conv_v.forward(values, path_v, pass);
        let (log_decays, decays) = ops.log_decays(decays, &self.decay_weights());
        let (rates, of_rates) = ops.activated(Activation::Sigmoid, rates);
        let inputs = DeltaInputs { queries, keys, values, log_decays, rates };
        let (read, inputs) = ops.delta_rule(inputs, self.heads, &pass.all, &mut path.rule);
        let (normed, read) = self.norm.forward(asked.of(read), ops);
        let (gated, gate, normed) = ops.gated(GATE, gate, normed);
        let gated = ops.pack(gated, pass.dtype);
        let output = self.out_proj.forward(&gated, pass);
        ops.recycle(gated.into_values());
        let trace = DeltaNetTrace {
            queries: of_queries,
            keys: of_keys,
            values: of_values,
            rates: of_rates,
            decays,
            inputs,
            read,
            normed,
            gate,
        };
        (output, trace)
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        trace: DeltaNetTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let DeltaNetTrace { queries, keys, values, rates, decays, inputs, read, normed, gate } = trace;
        let ops = pass.ops;
        let (gated, gate, normed) = ops.gated(GATE, gate, normed);
        let d_gated = self.out_proj.backward(&gated, d_output, pass, gradients);
        ops.recycle(gated);
        let (d_gate, d_normed) = ops.gated_backward(GATE, gate, normed, d_gated);
        let d_read = self.norm.backward(read, d_normed, gradients, ops);
        let d = ops.delta_rule_backward(inputs, self.heads, d_read, &pass.all);
        let [conv_q, conv_k, conv_v] = self.convolutions();
        let d_queries = conv_q.backward(queries, d.queries, pass, gradients);
        let d_keys = conv_k.backward(keys, d.keys, pass, gradients);
        let d_values = conv_v.backward(values, d.values, pass, gradients);
        let d_rates = ops.activated_backward(Activation::Sigmoid, rates, d.rates);
        let (d_decays, of_weights) = ops.log_decays_backward(decays, &self.decay_weights(), d.log_decays);
        self.log_rates.backward(of_weights.log_rates, gradients);
        self.rate_bias.backward(of_weights.biases, gradients);
        let projections = [
            (&self.in_proj_q, d_queries),
            (&self.in_proj_k, d_keys),
            (&self.in_proj_v, d_values),
            (&self.in_proj_b, d_rates),
            (&self.in_proj_a, d_decays),
        ];
        let dx = self.in_proj_z.add_backward(None, x, d_gate, pass, gradients);
        projections
            .into_iter()
            .fold(dx, |dx, (projection, d)| projection.add_backward(Some(dx), x, d, pass, gradients))
    }

    /// The convolutions of queries, keys, and values. Queries and keys get the length one, and queries the scale of
    /// attention besides.
    fn convolutions(&self) -> [ShortConv<'_>; 3] {
        let width = self.heads.key_width;
        let scale = (width as f64).sqrt().recip();
        [
            ShortConv::new(&self.conv_q).with_length(width, scale, EPS),
            ShortConv::new(&self.conv_k).with_length(width, 1.0, EPS),
            ShortConv::new(&self.conv_v),
        ]
    }

    fn decay_weights(&self) -> DecayWeights {
        DecayWeights { log_rates: self.log_rates.values(), biases: self.rate_bias.values() }
    }
}
