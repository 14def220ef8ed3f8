//! The order in which blocks of a product are computed, so that what is read again is still in a cache.
//!
//! Weights are read where they lie, and once. Where a block of them sticks out of the matrix, a padded copy of
//! it is multiplied, so that the kernels know full blocks only.

use std::ops::Range;

use half::bf16;

use super::kernel::{Kernel, OUTPUTS, STEP, Sums, Weights, depth, short_depth};
use super::packed::{Form, Multiply};
use super::panels::{Pairs, ROWS, packed};
use super::parts::{Bf16Parts, each_part};
use crate::lanes::vectorized;
use crate::transpose::transposed;

/// Outputs whose weights stay in the second cache while all panels pass by: 160 KiB of them.
const WIDTH: usize = 4 * OUTPUTS;

/// Inputs per block at most: as many of a panel take 40 KiB of the first cache.
const DEPTH: usize = 640;

/// The function that multiplies block by block.
pub(super) fn multiply(kernel: impl Kernel + 'static) -> Box<dyn Multiply> {
    Box::new(ByBlocks(kernel))
}

struct ByBlocks<K>(K);

impl<K: Kernel> Multiply for ByBlocks<K> {
    fn pack(&self, x: &[f32], inputs: usize, parts: Bf16Parts) -> Form {
        pack(x, inputs, parts)
    }

    fn multiply(&mut self, x: &Form, rows: Range<usize>, w: &[bf16], y: &mut [f32], inputs: usize) {
        multiply_panels(&mut self.0, x, &rows, w, y, inputs);
    }
}

/// Arranges rows in panels.
pub(super) fn pack(x: &[f32], inputs: usize, parts: Bf16Parts) -> Form {
    Form::Panels(each_part(x, parts, |x| packed(x, inputs, pairs(inputs))))
}

/// Computes the product of some rows in panels, from a multiple of 32 on.
pub(super) fn multiply_panels(
    kernel: &mut impl Kernel,
    x: &Form,
    rows: &Range<usize>,
    w: &[bf16],
    y: &mut [f32],
    inputs: usize,
) {
    multiply_blocks(kernel, &x.panels(rows, pairs(inputs)), w, y, inputs);
}

/// Pairs of inputs in a panel.
fn pairs(inputs: usize) -> usize {
    inputs.next_multiple_of(STEP) / 2
}

/// The product of some rows, which are the sums of parts. All parts of a block are multiplied before the next block, as
/// with the activations on the left.
fn multiply_blocks(kernel: &mut impl Kernel, parts: &[&[Pairs]], w: &[bf16], y: &mut [f32], inputs: usize) {
    let w = Matrix { values: w, inputs };
    let (outputs, pairs) = (w.outputs(), pairs(inputs));
    let depth = if parts.len() == 1 { depth(inputs, DEPTH) } else { short_depth(inputs) };
    let blocks = outputs.min(WIDTH).div_ceil(OUTPUTS);
    // Sums wait for the next inputs, if there are any.
    let waiting = if depth < inputs { parts[0].len() / pairs } else { 1 };
    let mut sums = vec![Sums::ZERO; waiting * blocks];
    for first in (0..outputs).step_by(WIDTH) {
        let last = outputs.min(first + WIDTH);
        for start in (0..inputs).step_by(depth) {
            let range = start..inputs.min(start + depth);
            let of_panel = start / 2..start / 2 + range.len().next_multiple_of(STEP) / 2;
            let weights: Vec<Weights<'_>> =
                (first..last).step_by(OUTPUTS).map(|output| w.block(output, &range)).collect();
            for (at, y) in y.chunks_mut(ROWS * outputs).enumerate() {
                let sums = &mut sums[at % waiting * blocks..][..weights.len()];
                for (part, panels) in parts.iter().enumerate() {
                    let panel = &panels[at * pairs..][of_panel.clone()];
                    for (w, sums) in weights.iter().zip(&mut *sums) {
                        kernel.multiply(w, panel, sums, start == 0 && part == 0);
                    }
                }
                if range.end == inputs {
                    write(sums, y, outputs, first);
                }
            }
        }
    }
}

/// Weights as they lie in a checkpoint, `[outputs, inputs]`.
#[derive(Debug, Clone, Copy)]
struct Matrix<'a> {
    values: &'a [bf16],
    inputs: usize,
}

impl<'a> Matrix<'a> {
    fn outputs(self) -> usize {
        self.values.len() / self.inputs
    }

    /// The weights of 32 outputs for some inputs: where they are, or, if some of them are not there, a copy
    /// with 0 for those.
    fn block(self, output: usize, inputs: &Range<usize>) -> Weights<'a> {
        let outputs = OUTPUTS.min(self.outputs() - output);
        if outputs == OUTPUTS && inputs.len().is_multiple_of(STEP) {
            let values = &self.values[output * self.inputs + inputs.start..];
            return Weights { values: values.into(), stride: self.inputs };
        }
        let stride = inputs.len().next_multiple_of(STEP);
        let mut values = vec![bf16::ZERO; OUTPUTS * stride];
        for (at, to) in values.chunks_exact_mut(stride).take(outputs).enumerate() {
            let row = &self.values[(output + at) * self.inputs..];
            to[..inputs.len()].copy_from_slice(&row[inputs.clone()]);
        }
        Weights { values: values.into(), stride }
    }
}

/// Writes the sums of a panel for some blocks of outputs, from `first` on, to `y`, `[rows, outputs]`, as far as
/// it has them.
fn write(sums: &[Sums], y: &mut [f32], outputs: usize, first: usize) {
    vectorized(
        #[inline(always)]
        || {
            for (half, y) in y.chunks_mut(ROWS / 2 * outputs).enumerate() {
                let tiles = sums.iter().flat_map(|Sums(tiles)| [&tiles[half], &tiles[2 + half]]);
                for (output, tile) in (first..outputs).step_by(16).zip(tiles) {
                    let tile = transposed(tile);
                    for (row, sums) in y.chunks_exact_mut(outputs).zip(&tile) {
                        match row[output..].first_chunk_mut() {
                            Some(row) => *row = *sums,
                            None => row[output..].copy_from_slice(&sums[..outputs - output]),
                        }
                    }
                }
            }
        },
    );
}
