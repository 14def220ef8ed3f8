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
    /// Width of one of queries and keys.
    pub(crate) width: usize,
    /// Width of one of values, and so of the context.
    pub(crate) value_width: usize,
    /// A query sees keys less than this many positions back.
    pub(crate) window: Option<usize>,
    /// The factor of products of queries and keys.
    pub(crate) scale: f32,
    /// With a cap `c`, a scaled score `s` counts as `c * tanh(s / c)`.
    pub(crate) cap: Option<f32>,
}

impl Heads {
    /// The heads of a layer.
    pub(crate) fn of(spec: &AttentionSpec) -> Self {
        let AttentionSpec { scale, cap, window, .. } = *spec;
        Self { window, scale, cap, ..Self::new(spec.heads, spec.kv_heads, spec.head_width) }
    }

    /// Heads that see everything before them, with values as wide as keys, a scale of `1 / sqrt(width)`, and no cap.
    pub(crate) fn new(queries: usize, keys: usize, width: usize) -> Self {
        let scale = Self::usual_scale(width);
        Self { queries, keys, width, value_width: width, window: None, scale, cap: None }
    }

    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    fn usual_scale(width: usize) -> f32 {
        (width as f64).sqrt().recip() as f32
    }
}

/// Inputs of attention, which its backward pass reads too.
#[derive(Debug, Clone)]
pub(crate) struct AttentionInputs {
    /// `[rows, H * D]`, rotated.
    pub(crate) queries: Tensor<2>,
    /// `[rows, K * D]`, rotated.
    pub(crate) keys: Tensor<2>,
    /// `[rows, K * V]`.
    pub(crate) values: Tensor<2>,
    /// A score of each head to which no value belongs, `[H]`: one more term of the softmax's denominator.
    pub(crate) sinks: Option<Tensor<1>>,
}

/// Outputs of attention.
#[derive(Debug, Clone)]
pub(crate) struct AttentionOutput {
    /// `[rows, H * V]`.
    pub(crate) context: Tensor<2>,
    /// The log-sum-exp of every query's scores and its sink, sequence by sequence and head by head: `[H * rows]`. The kernels'
    /// backward pass needs it, the other one does not.
    pub(crate) log_sums: Option<Tensor<1>>,
}
