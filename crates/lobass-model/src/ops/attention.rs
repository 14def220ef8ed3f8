//! Inputs and outputs of attention.

use burn::tensor::Tensor;

use crate::AttentionSpec;

/// The heads of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heads {
    /// Query heads.
    pub(crate) queries: usize,
    /// Key-value heads; divides the number of query heads.
    pub(crate) keys: usize,
    /// Width of one.
    pub(crate) width: usize,
    /// A query sees keys less than this many positions back.
    pub(crate) window: Option<usize>,
}

impl Heads {
    /// The heads of a layer.
    pub(crate) fn of(spec: &AttentionSpec) -> Self {
        Self { queries: spec.heads, keys: spec.kv_heads, width: spec.head_width, window: spec.window }
    }

    /// The factor of scores.
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    pub(super) fn scale(self) -> f32 {
        (self.width as f64).sqrt().recip() as f32
    }
}

/// Inputs of attention, which its backward pass reads too.
#[derive(Debug, Clone)]
pub(crate) struct AttentionInputs {
    /// `[rows, H * D]`, rotated.
    pub(crate) queries: Tensor<2>,
    /// `[rows, K * D]`, rotated.
    pub(crate) keys: Tensor<2>,
    /// `[rows, K * D]`.
    pub(crate) values: Tensor<2>,
}

/// Outputs of attention.
#[derive(Debug, Clone)]
pub(crate) struct AttentionOutput {
    /// `[rows, H * D]`.
    pub(crate) context: Tensor<2>,
    /// The log-sum-exp of every query's scores, sequence by sequence and head by head: `[H * rows]`. The kernels'
    /// backward pass needs it, the other one does not.
    pub(crate) log_sums: Option<Tensor<1>>,
}
