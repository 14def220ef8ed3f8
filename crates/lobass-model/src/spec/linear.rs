//! Linear attention.

use super::NormSpec;
use crate::ops::DeltaHeads;

/// Linear attention by the gated delta rule, in place of attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearAttentionSpec {
    /// Heads of queries and keys.
    pub key_heads: usize,
    /// Heads of values; a multiple of those of keys.
    pub value_heads: usize,
    /// Width of a head of queries or keys.
    pub key_width: usize,
    /// Width of a head of values.
    pub value_width: usize,
    /// Positions that the convolutions of queries, keys, and values see.
    pub conv_size: usize,
    /// The norm of what is read, for each head by itself, before its gate.
    pub norm: NormSpec,
}

impl LinearAttentionSpec {
    /// Values of a row of queries, keys, values, and their gate.
    pub(super) fn width(&self) -> usize {
        2 * (self.key_heads * self.key_width + self.value_heads * self.value_width)
    }

    pub(crate) fn heads(&self) -> DeltaHeads {
        let Self { key_heads, value_heads, key_width, value_width, .. } = *self;
        DeltaHeads { keys: key_heads, values: value_heads, key_width, value_width }
    }
}
