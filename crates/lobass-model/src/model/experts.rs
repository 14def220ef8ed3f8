//! Experts, a few of which work on each row.

use burn::module::Module;
use burn::tensor::{DType, Tensor};

use super::gradients::Gradients;
use super::linear::{Linear, plus};
use super::mlp::{Mlp, MlpTrace};
use super::parts::parts;
use super::pass::Pass;
use super::shared_expert::{SharedExpert, SharedTrace};
use super::source::{Scope, WeightSource};
use crate::ops::{Group, Input, Ops, Routes, Routing};
use crate::{ExpertsSpec, MlpSpec, SharedExpertSpec};

/// A router, experts, and perhaps an expert that works on every row.
///
/// What the experts of a row give is added in the order of their numbers, so that a row's bits do not depend on the
/// other rows.
#[derive(Module, Debug)]
pub(super) struct Experts {
    /// The router.
    pub(super) gate: Linear,
    pub(super) experts: Vec<Mlp>,
    /// An expert that works on every row, and its gate.
    pub(super) shared_expert: Option<Mlp>,
    pub(super) shared_expert_gate: Option<Linear>,
    #[module(skip)]
    routing: Routing,
}

parts!(Experts: gate, experts, shared_expert, shared_expert_gate);

/// Values for the backward pass.
#[derive(Debug)]
pub(super) struct ExpertsTrace {
    routes: Routes,
    groups: Vec<GroupTrace>,
    shared: Option<SharedTrace>,
}

#[derive(Debug)]
struct GroupTrace {
    group: Group,
    mlp: MlpTrace,
    /// What the expert gave, before its weights: `[its rows, hidden]`.
    output: Tensor<2>,
}

impl ExpertsTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        for GroupTrace { mlp, output, .. } in self.groups {
            mlp.recycle(ops);
            ops.recycle(output);
        }
        if let Some(shared) = self.shared {
            shared.recycle(ops);
        }
    }
}

impl Experts {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &ExpertsSpec,
        form: &MlpSpec,
    ) -> Result<Self, S::Error> {
        let gate = Linear::load(&mut scope.child("gate"), spec.count, hidden, spec.router_bias)?;
        let expert = spec.expert(form);
        let load = |at| Mlp::load(&mut scope.child("experts").child(at), hidden, &expert);
        let experts = (0..spec.count).map(load).collect::<Result<_, _>>()?;
        let mut model =
            Self { gate, experts, shared_expert: None, shared_expert_gate: None, routing: spec.routing };
        if let Some(SharedExpertSpec { width, is_gated }) = spec.shared {
            let form = MlpSpec { width, ..form.clone() };
            model.shared_expert = Some(Mlp::load(&mut scope.child("shared_expert"), hidden, &form)?);
            if is_gated {
                let gate = Linear::load(&mut scope.child("shared_expert_gate"), 1, hidden, false)?;
                model.shared_expert_gate = Some(gate);
            }
        }
        Ok(model)
    }

    fn shared(&self) -> Option<SharedExpert<'_>> {
        let gate = self.shared_expert_gate.as_ref();
        self.shared_expert.as_ref().map(|mlp| SharedExpert { mlp, gate })
    }

    /// `[rows, hidden]` to the same.
    pub(super) fn forward(&self, x: &Input, pass: &Pass<'_>) -> (Tensor<2>, ExpertsTrace) {
        let ops = pass.ops;
        let routes = Routes::new(self.routing, self.gate.forward(x, pass), ops);
        let mut sum = x.values().zeros_like().cast(DType::F32);
        let mut groups = Vec::new();
        for group in routes.groups() {
            let input = ops.pack(ops.select_rows(x.values(), &group.rows), pass.dtype);
            let (output, mlp) = self.experts[group.expert].forward(&input, pass);
            ops.recycle(input.into_values());
            let (more, output) = ops.add_rows(sum, &group.rows, &group.weights, output);
            sum = more;
            groups.push(GroupTrace { group, mlp, output });
        }
        let Some(shared) = self.shared() else {
            return (sum, ExpertsTrace { routes, groups, shared: None });
        };
        let (output, shared) = shared.forward(x, pass);
        let (sum, _) = ops.residual(sum, output, 1.0);
        (sum, ExpertsTrace { routes, groups, shared: Some(shared) })
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        trace: ExpertsTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let (ops, ExpertsTrace { routes, groups, shared }) = (pass.ops, trace);
        let mut d_weights = routes.no_gradient();
        let mut dx = x.zeros_like();
        for GroupTrace { group, mlp, output } in groups {
            let d_rows = ops.select_rows(d_output, &group.rows);
            group.put(&ops.row_dots(&d_rows, &output), &mut d_weights);
            ops.recycle(output);
            let d_rows = d_rows * ops.matrix(group.weights.clone(), [group.rows.len(), 1]);
            let input = ops.select_rows(x, &group.rows);
            let of_input = self.experts[group.expert].backward(&input, mlp, &d_rows, pass, gradients);
            ops.recycle(input);
            ops.recycle(d_rows);
            let ones = vec![1.0; group.rows.len()];
            let d_input;
            (dx, d_input) = ops.add_rows(dx, &group.rows, &ones, of_input);
            ops.recycle(d_input);
        }
        let d_logits = routes.backward(&d_weights, ops);
        let dx = self.gate.add_backward(Some(dx), x, d_logits, pass, gradients);
        match self.shared().zip(shared) {
            None => dx,
            Some((module, trace)) => plus(dx, module.backward(x, trace, d_output, pass, gradients), ops),
        }
    }
}
