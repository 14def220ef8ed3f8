//! Self-attention.

use super::NormSpec;
use crate::NormForm;

/// Causal self-attention of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionSpec {
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads; divides the number of query heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_width: usize,
    /// The factor of products of queries and keys.
    pub scale: f32,
    /// With a cap `c`, a scaled score `s` counts as `c tanh(s / c)`.
    pub cap: Option<f32>,
    /// Position `q` sees position `k` only if `q - k` is below this.
    pub window: Option<usize>,
    /// Which of the model's rotary embeddings turns queries and keys; `None` for none.
    pub rope: Option<usize>,
    /// Which one turns queries, if another one than keys.
    pub query_rope: Option<usize>,
    /// The norms of queries and keys.
    pub qk_norm: Option<QkNorm>,
    /// The norm of the values of each head, which has no weight.
    pub value_norm: Option<NormForm>,
    /// Whether values are what keys are before their norm and their rotation; otherwise they have a projection.
    pub keys_are_values: bool,
    /// Which projections have a bias.
    pub biases: Biases,
    /// Whether each head has a learned score that belongs to no value: one more term of the softmax's denominator.
    pub sinks: bool,
    /// Whether what a head gives is multiplied with the sigmoid of another projection.
    pub output_gate: bool,
}

/// Norms of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QkNorm {
    /// How they normalize.
    pub norm: NormSpec,
    /// Whether each head is normalized by itself, with one weight for all; otherwise all heads together.
    pub per_head: bool,
    /// Whether they come after the rotation; otherwise before it.
    pub after_rope: bool,
}

/// Which projections of an attention layer have a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Biases {
    /// Queries, keys, and values.
    pub inputs: bool,
    /// The output.
    pub output: bool,
}
