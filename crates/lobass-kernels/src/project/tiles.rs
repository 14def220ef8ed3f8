//! The product in tiles of sums that stay in registers.
//!
//! Every sum goes over the inputs one after the other, and each product is added with one rounding. So it has the same
//! bits in any company, and with vectors of any width.

use std::ops::Range;

use pulp::{NullaryFnOnce, Simd};

use crate::transpose::transposed;

/// Rows of a tile, and its outputs: in vectors of 16, their sums are 24 of 32 registers.
const ROWS: usize = 8;
pub(super) const OUTPUTS: usize = 48;

/// The most inputs at a time: the weights of a tile for that many, 96 KiB, stay in the second cache while all rows pass.
const DEPTH: usize = 512;

/// Rows at a time, so that allocations do not grow with the number of rows.
const PART: usize = 512;

/// Numbers in a line of the cache.
const LINE: usize = 16;

/// Computes what [`project`](super::project) does, where no side is 0, with vectors of which `VECTORS` are
/// [`OUTPUTS`] numbers.
pub(super) fn multiply<S: Simd, const VECTORS: usize>(
    simd: S,
    x: &[f32],
    w: &[f32],
    inputs: usize,
    y: &mut [f32],
) {
    const { assert!(VECTORS * S::F32_LANES == OUTPUTS, "the vectors of a tile are its outputs") }
    let outputs = w.len() / inputs;
    for (x, y) in x.chunks(PART * inputs).zip(y.chunks_mut(PART * outputs)) {
        simd.vectorize(Product::<'_, S, VECTORS> { simd, x, w, inputs, y });
    }
}

/// A product of some rows, to be compiled for the instructions of its vectors.
struct Product<'a, S, const VECTORS: usize> {
    simd: S,
    x: &'a [f32],
    w: &'a [f32],
    inputs: usize,
    y: &'a mut [f32],
}

impl<S: Simd, const VECTORS: usize> NullaryFnOnce for Product<'_, S, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, x, w, inputs, y } = self;
        let outputs = w.len() / inputs;
        let depth = inputs.div_ceil(inputs.div_ceil(DEPTH));
        let mut scratch = vec![0.0; depth * OUTPUTS + LINE];
        let lines = scratch.as_ptr().align_offset(align_of::<Line>()).min(LINE);
        for start in (0..inputs).step_by(depth) {
            let range = start..inputs.min(start + depth);
            let weights = &mut scratch[lines..][..range.len() * OUTPUTS];
            for (at, w) in w.chunks(OUTPUTS * inputs).enumerate() {
                turn(w, inputs, &range, weights);
                let w = S::as_simd_f32s(weights).0.as_chunks::<VECTORS>().0;
                for (x, y) in x.chunks(ROWS * inputs).zip(y.chunks_mut(ROWS * outputs)) {
                    let x = std::array::from_fn(|row| row_of(x, inputs, row, &range));
                    tile(simd, x, w, &mut Part { y, outputs, first: at * OUTPUTS }, start == 0);
                }
            }
        }
    }
}

#[repr(align(64))]
struct Line;

/// Some inputs of a row, which are 0 if there is no such row.
#[inline(always)]
fn row_of<'a>(x: &'a [f32], inputs: usize, row: usize, range: &Range<usize>) -> &'a [f32] {
    x.get(row * inputs + range.start..row * inputs + range.end).unwrap_or(&[0.0; DEPTH][..range.len()])
}

/// Writes some columns of at most [`OUTPUTS`] rows of a matrix as rows, each filled up with 0.
#[inline(always)]
fn turn(matrix: &[f32], stride: usize, columns: &Range<usize>, to: &mut [f32]) {
    let whole = columns.len() / 16 * 16;
    let (to_whole, to_rest) = to.split_at_mut(whole * OUTPUTS);
    for first in (0..OUTPUTS).step_by(16) {
        let rows = || matrix.chunks_exact(stride).skip(first).map(|row| &row[columns.clone()]);
        for (start, to) in (0..whole).step_by(16).zip(to_whole.chunks_exact_mut(16 * OUTPUTS)) {
            let mut square = [[0.0; 16]; 16];
            for (row, to) in rows().zip(&mut square) {
                *to = *row[start..].first_chunk().unwrap_or(&[0.0; 16]);
            }
            write_columns(&transposed(&square), &mut to[first..]);
        }
        if !to_rest.is_empty() {
            let mut square = [[0.0; 16]; 16];
            for (row, to) in rows().zip(&mut square) {
                to[..row.len() - whole].copy_from_slice(&row[whole..]);
            }
            write_columns(&transposed(&square), &mut to_rest[first..]);
        }
    }
}

/// Writes columns of 16 rows, [`OUTPUTS`] numbers apart.
#[inline(always)]
fn write_columns(columns: &[[f32; 16]; 16], to: &mut [f32]) {
    for (to, column) in to.chunks_mut(OUTPUTS).zip(columns) {
        if let Some(to) = to.first_chunk_mut() {
            *to = *column;
        }
    }
}

/// Where the sums of a tile belong: some rows of results, from an output on.
struct Part<'a> {
    y: &'a mut [f32],
    outputs: usize,
    first: usize,
}

impl Part<'_> {
    /// The results of a row, as far as there are.
    #[inline(always)]
    fn row(&mut self, row: usize) -> &mut [f32] {
        let (start, end) = (row * self.outputs + self.first, (row + 1) * self.outputs);
        self.y.get_mut(start..end).unwrap_or_default()
    }
}

/// Adds the products of some inputs to the sums of a tile, or to 0 if these are the first.
///
/// The loops over sums have constant ends: what is indexed otherwise is not kept in registers.
#[inline(always)]
fn tile<S: Simd, const VECTORS: usize>(
    simd: S,
    mut x: [&[f32]; ROWS],
    w: &[[S::f32s; VECTORS]],
    part: &mut Part<'_>,
    first: bool,
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    if !first {
        for (row, sums) in sums.iter_mut().enumerate() {
            let row = &*part.row(row);
            match row.first_chunk::<OUTPUTS>() {
                Some(row) => copy_vectors::<S, VECTORS>(S::as_simd_f32s(row).0, sums),
                None => {
                    let mut line = [0.0; OUTPUTS];
                    line[..row.len()].copy_from_slice(row);
                    copy_vectors::<S, VECTORS>(S::as_simd_f32s(&line).0, sums);
                }
            }
        }
    }
    // As long as each other, which saves a check of every index.
    for x in &mut x {
        *x = &x[..w.len()];
    }
    for (input, w) in w.iter().enumerate() {
        for (x, sums) in x.iter().zip(&mut sums) {
            let x = simd.splat_f32s(x[input]);
            for (w, sum) in w.iter().zip(sums) {
                *sum = simd.mul_add_f32s(x, *w, *sum);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let row = part.row(row);
        match row.first_chunk_mut::<OUTPUTS>() {
            Some(row) => copy_vectors::<S, VECTORS>(sums, S::as_mut_simd_f32s(row).0),
            None => {
                let mut line = [0.0; OUTPUTS];
                copy_vectors::<S, VECTORS>(sums, S::as_mut_simd_f32s(&mut line).0);
                row.copy_from_slice(&line[..row.len()]);
            }
        }
    }
}

/// Copies from one to the other, vector by vector.
#[inline(always)]
fn copy_vectors<S: Simd, const VECTORS: usize>(from: &[S::f32s], to: &mut [S::f32s]) {
    if let (Some(from), Some(to)) = (from.first_chunk::<VECTORS>(), to.first_chunk_mut::<VECTORS>()) {
        for (from, to) in from.iter().zip(to) {
            *to = *from;
        }
    }
}
