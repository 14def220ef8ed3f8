//! What mixes the rows of a sequence: attention, or linear attention.

use burn::tensor::{DType, Tensor};

use super::attention::{Attention, AttentionTrace};
use super::delta_net::{DeltaNet, DeltaNetTrace};
use super::gradients::Gradients;
use super::pass::Pass;
use crate::ops::{Input, LayerPath, Ops, Tables};

#[derive(Debug, Clone, Copy)]
pub(super) enum Mixer<'a> {
    Attention(&'a Attention),
    Linear(&'a DeltaNet),
}

/// Values for the backward pass.
#[derive(Debug)]
pub(super) enum MixerTrace {
    Attention(Box<AttentionTrace>),
    Linear(Box<DeltaNetTrace>),
}

impl MixerTrace {
    /// Keeps the buffers of a pass that has no backward pass.
    pub(super) fn recycle(self, ops: &dyn Ops) {
        match self {
            Self::Attention(trace) => trace.recycle(ops),
            Self::Linear(trace) => trace.recycle(ops),
        }
    }
}

impl Mixer<'_> {
    /// The number format of its projections.
    pub(super) fn weight_dtype(self) -> DType {
        match self {
            Self::Attention(attention) => attention.q_proj.weight.val().dtype(),
            Self::Linear(linear) => linear.in_proj_q.weight.val().dtype(),
        }
    }

    /// `[rows, hidden]` to `[asked, hidden]`, for the rows of the pass that are asked for.
    pub(super) fn forward(
        self,
        x: &Input,
        asked: &Tables,
        path: &mut LayerPath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, MixerTrace) {
        match self {
            Self::Attention(attention) => {
                let (output, trace) = attention.forward(x, asked, &mut path.keys, pass);
                (output, MixerTrace::Attention(Box::new(trace)))
            }
            Self::Linear(linear) => {
                let (output, trace) = linear.forward(x, asked, path, pass);
                (output, MixerTrace::Linear(Box::new(trace)))
            }
        }
    }

    pub(super) fn backward(
        self,
        x: &Tensor<2>,
        trace: MixerTrace,
        d_output: &Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        match (self, trace) {
            (Self::Attention(attention), MixerTrace::Attention(trace)) => {
                attention.backward(x, *trace, d_output, pass, gradients)
            }
            (Self::Linear(linear), MixerTrace::Linear(trace)) => {
                linear.backward(x, *trace, d_output, pass, gradients)
            }
            _ => unreachable!("the trace comes from the same layer"),
        }
    }
}
