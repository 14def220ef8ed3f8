//! Products with the activations on the left: they are only rounded, weights are arranged in panels, and sums come out a
//! row after the other.
//!
//! To arrange weights costs as much for one row as for many, so this is for many rows. The sums have the same bits as
//! with the weights on the left.

use std::cell::RefCell;
use std::ops::Range;

use half::bf16;

use super::aligned::{Aligned, LINE};
use super::kernel::{Kernel, OUTPUTS, STEP, Sums, Weights, short_depth};
use super::panels::{Pairs, ROWS, pack_weights};
use super::round::round_row;
use crate::lanes::vectorized;

/// Outputs whose weights stay in the second cache while all rows pass by: 80 KiB of them.
const WIDTH: usize = 4 * ROWS;

/// What a product writes before its results: new memory would have its pages cleared by the system each time.
#[derive(Debug, Default)]
struct Scratch {
    panels: Vec<Pairs>,
    sums: Vec<Sums>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

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
    fn block(&self, row: usize, input: usize) -> Weights<'_> {
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

/// Computes the product of some rows, from a multiple of 32 on, which are the sums of parts.
pub(super) fn multiply(
    kernel: &mut impl Kernel,
    parts: &[RoundedRows],
    rows: Range<usize>,
    w: &[bf16],
    y: &mut [f32],
    inputs: usize,
) {
    SCRATCH.with_borrow_mut(|scratch| multiply_with(scratch, kernel, parts, rows, w, y, inputs));
}

fn multiply_with(
    Scratch { panels, sums }: &mut Scratch,
    kernel: &mut impl Kernel,
    parts: &[RoundedRows],
    rows: Range<usize>,
    w: &[bf16],
    y: &mut [f32],
    inputs: usize,
) {
    let (outputs, depth) = (w.len() / inputs, short_depth(inputs));
    let n_panels = outputs.min(WIDTH).div_ceil(ROWS);
    // Sums wait for the next inputs, if there are any.
    let waiting = if depth < inputs { rows.len().div_ceil(OUTPUTS) } else { 1 };
    panels.resize(panels.len().max(n_panels * depth / 2), Pairs::ZERO);
    sums.resize(sums.len().max(waiting * n_panels), Sums::ZERO);
    let (panels, sums) = (&mut panels[..n_panels * depth / 2], &mut sums[..waiting * n_panels]);
    for first in (0..outputs).step_by(WIDTH) {
        let w = &w[first * inputs..outputs.min(first + WIDTH) * inputs];
        for start in (0..inputs).step_by(depth) {
            let range = start..inputs.min(start + depth);
            let pairs = range.len().next_multiple_of(STEP) / 2;
            pack_weights(w, inputs, &range, panels, depth / 2);
            let blocks = rows.clone().step_by(OUTPUTS).zip(y.chunks_mut(OUTPUTS * outputs));
            for (at, (row, y)) in blocks.enumerate() {
                let sums = &mut sums[at % waiting * n_panels..][..n_panels];
                for (part, x) in parts.iter().enumerate() {
                    let block = x.block(row, start);
                    let is_first = start == 0 && part == 0;
                    let is_last = range.end == inputs && part == parts.len() - 1;
                    let panels = panels.chunks_exact(depth / 2).map(|panel| &panel[..pairs]);
                    let columns = (first..outputs).step_by(ROWS);
                    for ((panel, sums), column) in panels.zip(&mut *sums).zip(columns) {
                        match is_last {
                            false => kernel.multiply(&block, panel, sums, is_first),
                            true => finish(kernel, &block, panel, sums, is_first, (&mut *y, outputs, column)),
                        }
                    }
                }
            }
        }
    }
}

/// Multiplies the last block of some sums and writes them to 32 columns of `y`, `[rows, outputs]`, or to as many as there
/// are.
fn finish(
    kernel: &mut impl Kernel,
    block: &Weights<'_>,
    panel: &[Pairs],
    sums: &mut Sums,
    is_first: bool,
    (y, outputs, column): (&mut [f32], usize, usize),
) {
    let is_full = y.len() == OUTPUTS * outputs && column + ROWS <= outputs;
    if is_full {
        kernel.finish(block, panel, sums, is_first, (&mut y[column..], outputs));
        return;
    }
    kernel.multiply(block, panel, sums, is_first);
    for (row, y) in y.chunks_exact_mut(outputs).enumerate() {
        sums.write_row(row, &mut y[column..]);
    }
}
