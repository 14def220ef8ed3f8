//! Rows of the left side in bf16, one after the other.

use std::ops::Range;

use half::bf16;

use super::Left;
use crate::bf16::aligned::Aligned;
use crate::bf16::kernel::OUTPUTS;
use crate::bf16::round::{high_half, round_row};
use crate::lanes::vectorized;
use crate::transpose::transposed;

/// Some rows of the left side, for a part of the sum. What is not there is 0.
pub(super) struct LeftBlock {
    values: Aligned,
    stride: usize,
}

impl LeftBlock {
    /// Room for rows of `stride` values each.
    pub(super) fn new(rows: usize, stride: usize) -> Self {
        Self { values: Aligned::new(rows * stride), stride }
    }

    /// The values from one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The values from a row on.
    pub(super) fn rows_from(&self, row: usize) -> &[bf16] {
        &self.values.values()[row * self.stride..]
    }

    /// Rounds a part of some rows of a matrix of `m` rows of `k` values.
    pub(super) fn pack(
        &mut self,
        left: Left<'_>,
        [m, k]: [usize; 2],
        rows: &Range<usize>,
        part: &Range<usize>,
    ) {
        let n_rows = rows.len().next_multiple_of(OUTPUTS);
        let (values, stride) = (&mut self.values.values_mut()[..n_rows * self.stride], self.stride);
        vectorized(
            #[inline(always)]
            || {
                values[rows.len() * stride..].fill(bf16::ZERO);
                match left {
                    Left::Rows(matrix) => pack_rows(matrix, k, rows, part, values, stride),
                    Left::Columns(matrix) => pack_columns(matrix, m, rows, part, values, stride),
                }
            },
        );
    }
}

#[inline(always)]
fn pack_rows(
    matrix: &[f32],
    k: usize,
    rows: &Range<usize>,
    part: &Range<usize>,
    values: &mut [bf16],
    stride: usize,
) {
    for (row, to) in rows.clone().zip(values.chunks_exact_mut(stride)) {
        let (to, rest) = to.split_at_mut(part.len());
        round_row(&matrix[row * k..][part.clone()], to);
        rest.fill(bf16::ZERO);
    }
}

/// Columns of a matrix as rows: squares of 16 columns and 16 pairs of neighbors in them.
#[inline(always)]
fn pack_columns(
    matrix: &[f32],
    m: usize,
    columns: &Range<usize>,
    part: &Range<usize>,
    values: &mut [bf16],
    stride: usize,
) {
    for (first, to) in columns.clone().step_by(16).zip(values.chunks_mut(16 * stride)) {
        let n_columns = 16.min(columns.end - first);
        for offset in (0..stride).step_by(32) {
            let mut square = [[0u32; 16]; 16];
            for (pair, words) in square.iter_mut().enumerate() {
                let row = |at: usize| -> [f32; 16] {
                    let mut row = [0.0; 16];
                    if at < part.end {
                        let from = &matrix[at * m + first..(at + 1) * m];
                        match from.first_chunk::<16>().filter(|_| n_columns == 16) {
                            Some(from) => row = *from,
                            None => row[..n_columns].copy_from_slice(&from[..n_columns]),
                        }
                    }
                    row
                };
                let at = part.start + offset + 2 * pair;
                let (low, high) = (row(at), row(at + 1));
                for ((word, low), high) in words.iter_mut().zip(low).zip(high) {
                    *word = u32::from(high_half(low).to_bits()) | u32::from(high_half(high).to_bits()) << 16;
                }
            }
            let turned = transposed(&square);
            for (to, words) in to.chunks_exact_mut(stride).zip(&turned).take(n_columns) {
                write_words(words, &mut to[offset..]);
            }
        }
    }
}

/// Writes pairs of bf16, the low half of a word first.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "halves of a word")]
fn write_words(words: &[u32; 16], to: &mut [bf16]) {
    let (pairs, _) = to.as_chunks_mut::<2>();
    for (pair, word) in pairs.iter_mut().zip(words) {
        *pair = [bf16::from_bits(*word as u16), bf16::from_bits((word >> 16) as u16)];
    }
}
