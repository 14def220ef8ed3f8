//! The order in which blocks of a product are computed, so that what is read again is still in a cache.
//!
//! Weights are read where they lie, and once. Where a block of them sticks out of the matrix, a padded copy of
//! it is multiplied, so that the kernels know full blocks only.

use std::borrow::Cow;
use std::ops::Range;

use half::bf16;

use super::packed::{Form, Multiply};
use super::panels::{Pairs, ROWS, packed};
use crate::lanes::vectorized;
use crate::transpose::transposed;

/// Outputs of a block.
pub(super) const OUTPUTS: usize = 32;

/// Outputs whose weights stay in the second cache while all panels pass by: 160 KiB of them.
const WIDTH: usize = 4 * OUTPUTS;

/// Inputs per block at most: as many of a panel take 40 KiB of the first cache.
const DEPTH: usize = 640;

/// Inputs per block are a multiple of this.
const STEP: usize = 32;

/// Sums of 16 outputs for 16 rows, an output after the other.
pub(super) type Tile = [[f32; 16]; 16];

/// Sums of a block of outputs for a panel: of the low outputs for the low rows and for the high ones, and of
/// the high outputs for either.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [Tile; 4]);

/// Weights of 32 outputs, each of which begins `stride` weights behind the one before.
#[derive(Debug, Clone)]
pub(super) struct Weights<'a> {
    pub(super) values: Cow<'a, [bf16]>,
    pub(super) stride: usize,
}

/// A kernel that multiplies one block with a panel.
pub(super) trait Kernel {
    /// Writes the sums of products, if these are the first of their sums, or adds them to what is there.
    ///
    /// # Shapes
    /// - `w`: `[32, inputs]`; `x`: `[inputs / 2]`, where `inputs` is a multiple of 32
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool);
}

/// The function that multiplies block by block.
pub(super) fn multiply(kernel: impl Kernel + 'static) -> Box<dyn Multiply> {
    Box::new(ByBlocks(kernel))
}

struct ByBlocks<K>(K);

impl<K: Kernel> Multiply for ByBlocks<K> {
    fn pack(&self, x: &[f32], inputs: usize) -> Form {
        Form::Panels(packed(x, inputs, pairs(inputs)))
    }

    fn multiply(&mut self, x: &Form, rows: Range<usize>, w: &[bf16], y: &mut [f32], inputs: usize) {
        multiply_blocks(&mut self.0, x.panels(&rows, pairs(inputs)), w, y, inputs);
    }
}

/// Pairs of inputs in a panel.
fn pairs(inputs: usize) -> usize {
    inputs.next_multiple_of(STEP) / 2
}

fn multiply_blocks(kernel: &mut impl Kernel, panels: &[Pairs], w: &[bf16], y: &mut [f32], inputs: usize) {
    let w = Matrix { values: w, inputs };
    let (outputs, pairs, depth) = (w.outputs(), pairs(inputs), depth(inputs));
    let blocks = outputs.min(WIDTH).div_ceil(OUTPUTS);
    // Sums wait for the next inputs, if there are any.
    let waiting = if depth < inputs { panels.len() / pairs } else { 1 };
    let mut sums = vec![Sums([[[0.0; 16]; 16]; 4]); waiting * blocks];
    for first in (0..outputs).step_by(WIDTH) {
        let last = outputs.min(first + WIDTH);
        for start in (0..inputs).step_by(depth) {
            let range = start..inputs.min(start + depth);
            let of_panel = start / 2..start / 2 + range.len().next_multiple_of(STEP) / 2;
            let weights: Vec<Weights<'_>> =
                (first..last).step_by(OUTPUTS).map(|output| w.block(output, &range)).collect();
            let rows = panels.chunks_exact(pairs).zip(y.chunks_mut(ROWS * outputs));
            for (at, (panel, y)) in rows.enumerate() {
                let sums = &mut sums[at % waiting * blocks..][..weights.len()];
                for (w, sums) in weights.iter().zip(&mut *sums) {
                    kernel.multiply(w, &panel[of_panel.clone()], sums, start == 0);
                }
                if range.end == inputs {
                    write(sums, y, outputs, first);
                }
            }
        }
    }
}

/// Inputs per block: nearly as many in each, and a function of nothing else, since the order of a sum depends
/// on it.
fn depth(inputs: usize) -> usize {
    inputs.div_ceil(inputs.div_ceil(DEPTH)).next_multiple_of(STEP)
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
