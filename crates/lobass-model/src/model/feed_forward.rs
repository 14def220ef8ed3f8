//! What works on each row: one MLP, or experts.

use burn::module::Module;
use burn::tensor::Tensor;

use super::experts::{Experts, ExpertsTrace};
use super::gradients::Gradients;
use super::mlp::{Mlp, MlpTrace};
use super::parts::{Part, PartMut, Parts};
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use crate::LayerSpec;
use crate::ops::{Input, Ops};

/// One MLP, or experts.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a layer has one of them, and a box is not a module")]
pub(super) enum FeedForward {
    Mlp(Mlp),
    Experts(Experts),
}

/// Values for the backward pass.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a layer has one of them")]
pub(super) enum FeedForwardTrace {
    Mlp(MlpTrace),
    Experts(ExpertsTrace),
}

impl FeedForwardTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        match self {
            Self::Mlp(trace) => trace.recycle(ops),
            Self::Experts(trace) => trace.recycle(ops),
        }
    }
}

impl Parts for FeedForward {
    fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>)) {
        match self {
            Self::Mlp(mlp) => mlp.parts(path, take),
            Self::Experts(experts) => experts.parts(path, take),
        }
    }

    fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>)) {
        match self {
            Self::Mlp(mlp) => mlp.parts_mut(path, take),
            Self::Experts(experts) => experts.parts_mut(path, take),
        }
    }
}

impl FeedForward {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &LayerSpec,
    ) -> Result<Self, S::Error> {
        Ok(match &spec.experts {
            None => Self::Mlp(Mlp::load(scope, hidden, &spec.mlp)?),
            Some(experts) => Self::Experts(Experts::load(scope, hidden, experts, &spec.mlp)?),
        })
    }

    /// `[rows, hidden]` to the same.
    pub(super) fn forward(&self, x: &Input, pass: &Pass<'_>) -> (Tensor<2>, FeedForwardTrace) {
        match self {
            Self::Mlp(mlp) => {
                let (output, trace) = mlp.forward(x, pass);
                (output, FeedForwardTrace::Mlp(trace))
            }
            Self::Experts(experts) => {
                let (output, trace) = experts.forward(x, pass);
                (output, FeedForwardTrace::Experts(trace))
            }
        }
    }

    pub(super) fn backward(
        &self,
        x: &Tensor<2>,
        trace: FeedForwardTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        match (self, trace) {
            (Self::Mlp(mlp), FeedForwardTrace::Mlp(trace)) => {
                mlp.backward(x, trace, d_output, pass, gradients)
            }
            (Self::Experts(experts), FeedForwardTrace::Experts(trace)) => {
                experts.backward(x, trace, d_output, pass, gradients)
            }
            _ => unreachable!("the trace comes from the same layer"),
        }
    }
}
