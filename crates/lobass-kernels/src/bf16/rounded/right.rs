//! The right side in panels of 32 columns, whose pairs are neighbors in a column.

use std::ops::Range;

use half::bf16;

use super::Bf16Weights;
use crate::bf16::panels::{Pairs, ROWS};
use crate::bf16::round::high_half;
use crate::lanes::vectorized;

/// Packs some rows of a matrix, `[k, n]`, into panels of `pairs` pairs each. What is not there is 0.
pub(super) fn pack_right(
    right: Bf16Weights<'_>,
    n: usize,
    rows: &Range<usize>,
    panels: &mut [Pairs],
    pairs: usize,
) {
    vectorized(
        #[inline(always)]
        || match right {
            Bf16Weights::F32(values) => pack(values, n, rows, panels, pairs, high_half),
            Bf16Weights::Bf16(values) => pack(values, n, rows, panels, pairs, |value| value),
        },
    );
}

#[inline(always)]
fn pack<T: Copy + Default>(
    matrix: &[T],
    n: usize,
    rows: &Range<usize>,
    panels: &mut [Pairs],
    pairs: usize,
    half: impl Fn(T) -> bf16,
) {
    for pair in 0..pairs {
        let row = |at: usize| {
            let row = rows.start + at;
            if row < rows.end { &matrix[row * n..(row + 1) * n] } else { &[] }
        };
        let (low, high) = (row(2 * pair), row(2 * pair + 1));
        for (panel, column) in panels.chunks_exact_mut(pairs).zip((0..n).step_by(ROWS)) {
            let (low, high) = (part(low, column), part(high, column));
            let words = panel[pair].0.as_flattened_mut();
            for ((word, low), high) in words.iter_mut().zip(low).zip(high) {
                *word = u32::from(half(low).to_bits()) | u32::from(half(high).to_bits()) << 16;
            }
        }
    }
}

/// The values of a row in a panel, with 0 for what is not there.
#[inline(always)]
fn part<T: Copy + Default>(row: &[T], column: usize) -> [T; ROWS] {
    let row = row.get(column..).unwrap_or_default();
    row.first_chunk().copied().unwrap_or_else(|| {
        let mut values = [T::default(); ROWS];
        values[..row.len()].copy_from_slice(row);
        values
    })
}
