//! The product in blocks: the right side in panels that are packed for a part of the sum, the left side a few rows at a
//! time.

use std::cell::RefCell;

use super::left::LeftBlock;
use super::right::pack_right;
use super::{MultiplyRounded, Product};
use crate::bf16::kernel::{Kernel, OUTPUTS, STEP, Sums, Weights, depth};
use crate::bf16::panels::{Pairs, ROWS};
use crate::lanes::vectorized;

/// Numbers that are summed at a time, at most: as many of a panel take 40 KiB of the first cache.
const DEPTH: usize = 640;

/// Rows of the left side that stay in the second cache while all panels pass by: 160 KiB of them.
const HEIGHT: usize = 4 * OUTPUTS;

thread_local! {
    /// Panels of one product, which the next one writes over: new memory would have its pages cleared by the system.
    static PANELS: RefCell<Vec<Pairs>> = const { RefCell::new(Vec::new()) };
}

/// The function that multiplies block by block.
pub(in crate::bf16) fn multiply(kernel: impl Kernel + 'static) -> Box<dyn MultiplyRounded> {
    Box::new(ByBlocks(kernel))
}

struct ByBlocks<K>(K);

impl<K: Kernel> MultiplyRounded for ByBlocks<K> {
    fn multiply(&mut self, product: Product<'_>, y: &mut [f32]) {
        let Product { left, right, m, k, n } = product;
        let depth = depth(k, DEPTH);
        let n_pairs = n.div_ceil(ROWS) * depth / 2;
        let mut room = PANELS.take();
        room.resize(room.len().max(n_pairs), Pairs::ZERO);
        let panels = &mut room[..n_pairs];
        let mut block = LeftBlock::new(HEIGHT, depth);
        let mut sums = Sums::ZERO;
        for start in (0..k).step_by(depth) {
            let range = start..k.min(start + depth);
            let pairs = range.len().next_multiple_of(STEP) / 2;
            pack_right(right, n, &range, panels, depth / 2);
            for first in (0..m).step_by(HEIGHT) {
                let rows = first..m.min(first + HEIGHT);
                block.pack(left, [m, k], &rows, &range);
                for (panel, column) in panels.chunks_exact(depth / 2).zip((0..n).step_by(ROWS)) {
                    for row in rows.clone().step_by(OUTPUTS) {
                        let w = Weights { values: block.rows_from(row - first).into(), stride: depth };
                        self.0.multiply(&w, &panel[..pairs], &mut sums, true);
                        let y = &mut y[row * n..(row + OUTPUTS).min(m) * n];
                        put(&sums, y, n, column, start == 0);
                    }
                }
            }
        }
        PANELS.set(room);
    }
}

/// Writes the sums of some rows to columns of `y`, or adds them to what is there.
fn put(Sums(tiles): &Sums, y: &mut [f32], n: usize, column: usize, first: bool) {
    vectorized(
        #[inline(always)]
        || {
            for (row, y) in y.chunks_exact_mut(n).enumerate() {
                for half in 0..2 {
                    let sums = &tiles[2 * (row / 16) + half][row % 16];
                    let Some(to) = y.get_mut(column + 16 * half..) else { continue };
                    match to.first_chunk_mut::<16>() {
                        Some(to) => put_row(sums, to, first),
                        None => put_row(&sums[..to.len()], to, first),
                    }
                }
            }
        },
    );
}

#[inline(always)]
fn put_row(sums: &[f32], to: &mut [f32], first: bool) {
    for (to, sum) in to.iter_mut().zip(sums) {
        *to = if first { *sum } else { *to + *sum };
    }
}
