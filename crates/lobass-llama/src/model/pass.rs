//! What one run through the layers knows besides the weights.

use super::packed::{Packed, Spans};
use super::rope::RopeTables;
use crate::LlamaConfig;

/// How a differentiable pass is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceOptions {
    /// Keep the inputs of layers only, and run each layer again in the backward pass: the memory of one layer
    /// instead of all, for a third more work. The same bits.
    pub recompute: bool,
    /// The seed of an adapter's dropout; without one nothing is dropped.
    pub dropout_seed: Option<u64>,
}

/// One run through the layers.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) packed: &'a Packed,
    pub(super) rope: RopeTables,
    pub(super) recompute: bool,
    pub(super) dropout_seed: Option<u64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(config: &LlamaConfig, packed: &'a Packed, options: TraceOptions) -> Self {
        let TraceOptions { recompute, dropout_seed } = options;
        Self { packed, rope: RopeTables::new(config, packed.spans()), recompute, dropout_seed }
    }

    pub(super) fn spans(&self) -> &Spans {
        self.packed.spans()
    }
}
