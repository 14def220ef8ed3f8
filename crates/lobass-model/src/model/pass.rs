//! Inputs of one run through the layers besides the weights.

use burn::tensor::DType;

use crate::DecoderSpec;
use crate::batch::{self, Packed, Part};
use crate::ops::{Dropout, DropoutMasks, Heads, Ops, Tables};

/// How a differentiable pass is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceOptions {
    /// Keep the inputs of layers only, and run each layer again in the backward pass: the memory of one layer
    /// instead of all, for a third more work. The same bits.
    pub recompute: bool,
    /// The seed of an adapter's dropout; without one nothing is dropped.
    pub dropout_seed: Option<u64>,
}

/// One run of rows through the layers: all of some packed sequences, or a part of them.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) ops: &'a dyn Ops,
    pub(super) input_ids: &'a [u32],
    /// Every row, with its keys and values.
    pub(super) all: Tables,
    /// The rows whose hidden states are wanted, if not all are.
    asked: Option<Tables>,
    pub(super) recompute: bool,
    /// The format of weights.
    pub(super) weights: DType,
    /// The format of activations in products.
    pub(super) dtype: DType,
    dropout_seed: Option<u64>,
    pub(super) dropout_masks: DropoutMasks,
}

impl<'a> Pass<'a> {
    /// A pass over everything that can be differentiated.
    pub(super) fn whole(
        ops: &'a dyn Ops,
        spec: &DecoderSpec,
        packed: &'a Packed,
        weights: DType,
        options: TraceOptions,
    ) -> Self {
        let TraceOptions { recompute, dropout_seed } = options;
        // With layers that are run again, memory is what is short.
        let dropout_masks = DropoutMasks::new(!recompute);
        let pass = Self::new(ops, spec, batch::whole(spec, packed), weights, true);
        Self { recompute, dropout_seed, dropout_masks, ..pass }
    }

    /// Passes over some rows each, which together are a pass over everything, and give the rows asked for.
    pub(super) fn parts(
        ops: &'a dyn Ops,
        spec: &DecoderSpec,
        packed: &'a Packed,
        weights: DType,
        asked: &[usize],
    ) -> Vec<Self> {
        let size = ops.rows_at_once().unwrap_or(packed.n_rows());
        let parts = batch::parts(spec, packed, asked, size).into_iter();
        parts.map(|part| Self::new(ops, spec, part, weights, false)).collect()
    }

    /// A pass over rows that continue sequences; see [`batch::going_on`].
    pub(super) fn going_on(
        ops: &'a dyn Ops,
        spec: &DecoderSpec,
        input_ids: &'a [u32],
        places: &[(usize, usize)],
        weights: DType,
    ) -> Self {
        Self::new(ops, spec, batch::going_on(spec, input_ids, places), weights, false)
    }

    fn new(ops: &'a dyn Ops, spec: &DecoderSpec, part: Part<'a>, weights: DType, is_traced: bool) -> Self {
        let Part { input_ids, all, asked } = part;
        let device = ops.device();
        let mut all = Tables::new(all, &device);
        let mut asked = asked.map(|rows| Tables::new(rows, &device));
        for (at, layer) in spec.layers.iter().enumerate() {
            if let Some(linear) = &layer.linear {
                all.add_shifts(linear.conv_size, |spans| ops.shifts(linear.conv_size, spans, is_traced));
                continue;
            }
            let heads = Heads::of(&layer.attention);
            match &mut asked {
                Some(asked) if at + 1 == spec.layers.len() => {
                    asked.add_masks(heads.window, |spans| ops.masks(heads, &all.spans, spans, is_traced));
                }
                _ => all.add_masks(heads.window, |spans| ops.masks(heads, spans, spans, is_traced)),
            }
        }
        Self {
            ops,
            input_ids,
            all,
            asked,
            recompute: false,
            weights,
            dtype: ops.activation_dtype(weights, is_traced),
            dropout_seed: None,
            dropout_masks: DropoutMasks::default(),
        }
    }

    /// The rows whose hidden states are wanted.
    pub(super) fn asked(&self) -> &Tables {
        self.asked.as_ref().unwrap_or(&self.all)
    }

    /// The dropout of a parameter, by its identity, if anything of its input is dropped.
    pub(super) fn dropout(&self, parameter: u64, share: f64) -> Option<Dropout> {
        let seed = self.dropout_seed.filter(|_| share > 0.0)?;
        Some(Dropout::new(seed, parameter, share))
    }
}
