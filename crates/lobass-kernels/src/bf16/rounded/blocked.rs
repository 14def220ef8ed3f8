//! The product in blocks: the right side in panels that are packed for a part of the sum, the left side a few rows at a
//! time.

use std::array;
use std::cell::RefCell;
use std::ops::Range;

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

/// Pairs of panels that are packed at a time, unless one part of the sum has more: 4 MiB.
const PACKED: usize = (4 << 20) / size_of::<Pairs>();

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
    /// Rows of `y` that the second cache holds get all parts of their sums that are packed, before the next rows do.
    fn multiply(&mut self, product: Product<'_>, y: &mut [f32]) {
        let Product { left, right, m, k, n } = product;
        let depth = depth(k, DEPTH);
        let parts: Vec<Range<usize>> = (0..k).step_by(depth).map(|at| at..k.min(at + depth)).collect();
        let n_pairs = n.div_ceil(ROWS) * depth / 2;
        let at_once = (PACKED / n_pairs).clamp(1, parts.len());
        let mut room = PANELS.take();
        room.resize(room.len().max(at_once * n_pairs), Pairs::ZERO);
        let mut block = LeftBlock::new(HEIGHT, depth);
        for parts in parts.chunks(at_once) {
            for (part, panels) in parts.iter().zip(room.chunks_exact_mut(n_pairs)) {
                pack_right(right, n, part, panels, depth / 2);
            }
            for (first, y) in (0..m).step_by(HEIGHT).zip(y.chunks_mut(HEIGHT * n)) {
                let rows = first..m.min(first + HEIGHT);
                for (part, panels) in parts.iter().zip(room.chunks_exact(n_pairs)) {
                    block.pack(left, [m, k], &rows, part);
                    self.add(&block, part, panels, y, n);
                }
            }
        }
        PANELS.set(room);
    }
}

impl<K: Kernel> ByBlocks<K> {
    /// Adds a part of the sums to some rows, `[rows, n]`, or writes it if it is the first one.
    fn add(&mut self, block: &LeftBlock, part: &Range<usize>, panels: &[Pairs], y: &mut [f32], n: usize) {
        let stride = block.stride();
        let pairs = part.len().next_multiple_of(STEP) / 2;
        let mut sums = Sums::ZERO;
        for (panel, column) in panels.chunks_exact(stride / 2).zip((0..n).step_by(ROWS)) {
            for (row, y) in (0..).step_by(OUTPUTS).zip(y.chunks_mut(OUTPUTS * n)) {
                let w = Weights { values: block.rows_from(row).into(), stride };
                self.0.multiply(&w, &panel[..pairs], &mut sums, true);
                put(&sums, y, n, column, part.start == 0);
            }
        }
    }
}

/// Writes the sums of some rows to columns of `y`, or adds them to what is there.
fn put(sums: &Sums, y: &mut [f32], n: usize, column: usize, first: bool) {
    vectorized(
        #[inline(always)]
        || {
            if first {
                put_rows(sums, y, n, column, |_, sum| sum);
            } else {
                put_rows(sums, y, n, column, |there, sum| there + sum);
            }
        },
    );
}

/// Sixteen values are written at once: `y` is often in no cache, and a processor holds back only some dozens of stores.
#[inline(always)]
fn put_rows(
    Sums(tiles): &Sums,
    y: &mut [f32],
    n: usize,
    column: usize,
    put: impl Fn(f32, f32) -> f32 + Copy,
) {
    for (row, y) in y.chunks_exact_mut(n).enumerate() {
        for half in 0..2 {
            let sums = &tiles[2 * (row / 16) + half][row % 16];
            let Some(to) = y.get_mut(column + 16 * half..) else { continue };
            match to.first_chunk_mut::<16>() {
                Some(to) => *to = array::from_fn(|at| put(to[at], sums[at])),
                None => to.iter_mut().zip(sums).for_each(|(to, sum)| *to = put(*to, *sum)),
            }
        }
    }
}
