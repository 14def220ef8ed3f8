//! Activations as the left side of tiles takes them: rounded, one row after the other.

use half::bf16;

use super::aligned::{Aligned, LINE};
use super::kernel::{OUTPUTS, STEP, Weights};
use super::round::round_row;
use crate::lanes::vectorized;

/// Rows in bf16, one after the other.
#[derive(Debug, Clone)]
pub(super) struct RoundedRows {
    values: Aligned,
    stride: usize,
}

impl RoundedRows {
    /// Rounds `x`, `[rows, inputs]`. Rows of zeros make the last block of rows full.
    pub(super) fn new(x: &[f32], inputs: usize) -> Self {
        let (rows, stride) = (x.len() / inputs, stride(inputs));
        let mut values = Aligned::new(rows.next_multiple_of(OUTPUTS) * stride);
        let (given, rest) = values.values_mut().split_at_mut(rows * stride);
        vectorized(
            #[inline(always)]
            || {
                for (row, to) in x.chunks_exact(inputs).zip(given.chunks_exact_mut(stride)) {
                    let (to, rest) = to.split_at_mut(inputs);
                    round_row(row, to);
                    rest.fill(bf16::ZERO);
                }
            },
        );
        rest.fill(bf16::ZERO);
        Self { values, stride }
    }

    /// The values of 32 rows from an input on.
    pub(super) fn block(&self, row: usize, input: usize) -> Weights<'_> {
        let values = &self.values.values()[row * self.stride + input..];
        Weights { values: values.into(), stride: self.stride }
    }
}

/// Values from row to row: all inputs and zeros to a full step. Rows that are a multiple of a page apart would share
/// few places of the first cache, so those are a line further apart.
fn stride(inputs: usize) -> usize {
    let stride = inputs.next_multiple_of(STEP);
    if stride.is_multiple_of(16 * LINE) { stride + LINE } else { stride }
}
