//! The operations of a decoder beside its products, forward and backward, on packed rows.
//!
//! On the processor they run as kernels on slices; elsewhere as plain tensor operations, which are also what the
//! kernels are tested against. Activations are `f32`. Operations that only read a tensor hand it back, so that its
//! buffer is never copied.

mod host;
mod padded;
mod path;
mod plain;

use burn::tensor::{DType, Tensor};

use crate::host::is_host;
use crate::model::{RopeTables, Rows};
pub(crate) use path::KeyPath;

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
    /// What scores are multiplied by.
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    fn scale(self) -> f32 {
        (self.width as f64).sqrt().recip() as f32
    }
}

/// What attention reads, and hands on to its backward pass.
#[derive(Debug, Clone)]
pub(crate) struct AttentionInputs {
    /// `[rows, H * D]`, rotated.
    pub(crate) queries: Tensor<2>,
    /// `[rows, K * D]`, rotated.
    pub(crate) keys: Tensor<2>,
    /// `[rows, K * D]`.
    pub(crate) values: Tensor<2>,
}

/// What attention gives.
#[derive(Debug, Clone)]
pub(crate) struct AttentionOutput {
    /// `[rows, H * D]`.
    pub(crate) context: Tensor<2>,
    /// The log-sum-exp of every query's scores, sequence by sequence and head by head: `[H * rows]`. The kernels'
    /// backward pass needs it, the other one does not.
    pub(crate) log_sums: Option<Tensor<1>>,
}

macro_rules! dispatch {
    ($tensor:expr, $name:ident ( $($argument:expr),* )) => {
        if is_host(&$tensor.device()) { host::$name($($argument),*) } else { plain::$name($($argument),*) }
    };
}

/// `x / sqrt(mean(x^2) + eps) * weight` over the last dimension, and `x`.
///
/// Source: `LlamaRMSNorm` of transformers 5.23.
pub(crate) fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f64) -> (Tensor<2>, Tensor<2>) {
    dispatch!(x, rms_norm(x, weight, eps))
}

/// The gradients of [`rms_norm`] with respect to `x` and, if wanted, to the weight.
pub(crate) fn rms_norm_backward(
    x: Tensor<2>,
    weight: Tensor<1>,
    eps: f64,
    d_output: Tensor<2>,
    wants_weight: bool,
) -> (Tensor<2>, Option<Tensor<1>>) {
    dispatch!(x, rms_norm_backward(x, weight, eps, d_output, wants_weight))
}

/// Rotates the pairs `(i, i + D/2)` of every head: `[rows, heads * D]` to the same.
///
/// Source: `apply_rotary_pos_emb` of transformers 5.23.
pub(crate) fn rotate(x: Tensor<2>, rope: &RopeTables) -> Tensor<2> {
    dispatch!(x, rotate(x, rope, false))
}

/// The gradient of [`rotate`]: a rotation the other way.
pub(crate) fn rotate_backward(d_output: Tensor<2>, rope: &RopeTables) -> Tensor<2> {
    dispatch!(d_output, rotate(d_output, rope, true))
}

/// `silu(gate) * up`, and its inputs.
pub(crate) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
    dispatch!(gate, swiglu(gate, up))
}

/// The gradients of [`swiglu`] with respect to gate and up.
pub(crate) fn swiglu_backward(gate: Tensor<2>, up: Tensor<2>, d_output: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    dispatch!(gate, swiglu_backward(gate, up, d_output))
}

/// Causal attention within each sequence, of the queries asked for.
///
/// `path` has the keys and values before those of this pass, if that is a part of a larger one, and is left with those
/// that come before the next part; on the processor only, elsewhere a pass is whole. There, scores are made in the
/// float format `dtype`.
pub(crate) fn attention(
    inputs: AttentionInputs,
    heads: Heads,
    all: &Rows,
    asked: &Rows,
    path: &mut KeyPath,
    dtype: DType,
) -> (AttentionOutput, AttentionInputs) {
    if is_host(&inputs.queries.device()) {
        host::attention(inputs, heads, all, asked, path)
    } else {
        (padded::attention(&inputs, heads, all, asked, dtype), inputs)
    }
}

/// The gradients of [`attention`] with respect to its inputs, where all queries are asked for and no rows are shared.
pub(crate) fn attention_backward(
    inputs: AttentionInputs,
    output: AttentionOutput,
    d_context: Tensor<2>,
    heads: Heads,
    rows: &Rows,
) -> AttentionInputs {
    dispatch!(d_context, attention_backward(inputs, output, d_context, heads, rows))
}

/// `x w^T`, of a weight of any float format: `[rows, in]` and `[out, in]` to `[rows, out]`.
///
/// A weight of half precision is widened, unless `x` is to be rounded to bf16 like the weight. On other devices `x` is
/// always rounded to the weight's format.
pub(crate) fn project(x: &Tensor<2>, weight: &Tensor<2>, rounded: bool) -> Tensor<2> {
    if is_host(&x.device()) { host::project(x, weight, rounded) } else { plain::project(x, weight) }
}

/// `x + y`, and `x`.
pub(crate) fn residual(x: Tensor<2>, y: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    dispatch!(x, residual(x, y))
}

#[cfg(test)]
mod tests;
