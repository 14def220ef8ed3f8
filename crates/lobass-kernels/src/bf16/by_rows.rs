//! Products with the activations on the left: they are only rounded, weights are arranged in panels, and sums come out a
//! row after the other.
//!
//! To arrange weights costs as much for one row as for many, so this is for many rows. The sums have the same bits as
//! with the weights on the left.

use std::cell::RefCell;
use std::ops::Range;

use half::bf16;

use super::blocks;
use super::kernel::{OUTPUTS, RowKernel, STEP, Sums, Weights, short_depth};
use super::packed::{Form, Multiply};
use super::panels::{Pairs, ROWS, pack_weights};
use super::parts::{Bf16Parts, each_part};
use super::rows::RoundedRows;

/// Outputs whose weights are arranged at a time, and inputs of them at most. They take 768 KiB of the second cache, of 2 MiB
/// in processors with tiles. All rows pass by, so many inputs save reading sums again.
const WIDTH: usize = 6 * ROWS;
const LONG_DEPTH: usize = 2048;

/// Rows of many inputs, from [`WIDE`] on, that are multiplied at once. The second cache hardly holds fewer of them beside the
/// weights, so more of them come for the same arranged weights.
const WIDE_ROWS: usize = 1024;
const WIDE: usize = 1024;

/// From how many rows on it pays to arrange the weights instead of the activations.
const MANY_ROWS: usize = 128;

/// The function that multiplies many rows like this, and few in panels.
pub(super) fn multiply(kernel: impl RowKernel + 'static) -> Box<dyn Multiply> {
    Box::new(ByRows(kernel))
}

struct ByRows<K>(K);

impl<K: RowKernel> Multiply for ByRows<K> {
    fn rows_at_once(&self, inputs: usize) -> usize {
        if inputs < WIDE { super::ROWS } else { WIDE_ROWS }
    }

    fn pack(&self, x: &[f32], inputs: usize, parts: Bf16Parts) -> Form {
        match x.len() / inputs {
            MANY_ROWS.. => Form::Rows(each_part(x, parts, |x| RoundedRows::new(x, inputs))),
            _ => blocks::pack(x, inputs, parts),
        }
    }

    fn multiply(&mut self, x: &Form, rows: Range<usize>, w: &[bf16], y: &mut [f32], inputs: usize) {
        match x {
            Form::Rows(parts) => multiply_rows(&mut self.0, parts, &rows, w, y, inputs),
            _ => blocks::multiply_panels(&mut self.0, x, &rows, w, y, inputs),
        }
    }
}

/// What a product writes before its results: new memory would have its pages cleared by the system each time.
#[derive(Debug, Default)]
struct Scratch {
    panels: Vec<Pairs>,
    sums: Vec<Sums>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Computes the product of some rows, from a multiple of 32 on, which are the sums of parts.
fn multiply_rows(
    kernel: &mut impl RowKernel,
    parts: &[RoundedRows],
    rows: &Range<usize>,
    w: &[bf16],
    y: &mut [f32],
    inputs: usize,
) {
    let mut scratch = SCRATCH.take();
    let Scratch { panels, sums } = &mut scratch;
    let (outputs, depth) = (w.len() / inputs, long_depth(inputs));
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
            pack_weights(w, inputs, &range, panels, depth / 2);
            let right = Right { panels, pairs: depth / 2, range, inputs, first, outputs };
            for (at, (row, y)) in
                rows.clone().step_by(OUTPUTS).zip(y.chunks_mut(OUTPUTS * outputs)).enumerate()
            {
                let sums = &mut sums[at % waiting * n_panels..][..n_panels];
                right.multiply(kernel, (parts, row), sums, y);
            }
        }
    }
    SCRATCH.set(scratch);
}

/// Inputs whose weights are arranged at a time: nearly as many each time, in whole short blocks.
fn long_depth(inputs: usize) -> usize {
    let short = short_depth(inputs);
    let (n_short, at_once) = (inputs.div_ceil(short), LONG_DEPTH / short);
    n_short.div_ceil(n_short.div_ceil(at_once)) * short
}

/// Weights of some outputs for some inputs, arranged in panels.
struct Right<'a> {
    panels: &'a [Pairs],
    /// Pairs of inputs from one panel to the next.
    pairs: usize,
    /// These inputs, of all `inputs`.
    range: Range<usize>,
    inputs: usize,
    /// The first of these outputs, of all `outputs`.
    first: usize,
    outputs: usize,
}

impl Right<'_> {
    /// Multiplies 32 rows, in short blocks of inputs, which stay in the first cache while the panels pass by. All parts of
    /// a block come before the next block, as with the weights on the left.
    fn multiply(
        &self,
        kernel: &mut impl RowKernel,
        (parts, row): (&[RoundedRows], usize),
        sums: &mut [Sums],
        y: &mut [f32],
    ) {
        let depth = short_depth(self.inputs);
        for start in self.range.clone().step_by(depth) {
            let end = self.range.end.min(start + depth);
            let pairs = (start - self.range.start) / 2..(end - self.range.start).next_multiple_of(STEP) / 2;
            for (part, x) in parts.iter().enumerate() {
                let block = x.block(row, start);
                let is_first = start == 0 && part == 0;
                let is_last = end == self.inputs && part == parts.len() - 1;
                let panels = self.panels.chunks_exact(self.pairs).map(|panel| &panel[pairs.clone()]);
                let columns = (self.first..self.outputs).step_by(ROWS);
                for ((panel, sums), column) in panels.zip(&mut *sums).zip(columns) {
                    match is_last {
                        false => kernel.multiply(&block, panel, sums, is_first),
                        true => {
                            finish(kernel, &block, panel, sums, is_first, (&mut *y, self.outputs, column));
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
    kernel: &mut impl RowKernel,
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
        for (half, to) in y[column..].chunks_mut(16).take(2).enumerate() {
            to.copy_from_slice(&sums.0[2 * (row / 16) + half][row % 16][..to.len()]);
        }
    }
}
