//! The product on any processor: as `f32`, of rounded activations and widened weights.

use std::ops::Range;

use half::bf16;

use super::packed::{Form, Multiply};
use super::parts::{Bf16Parts, sum_of_parts};
use crate::matmul::{View, ViewMut, matmul};
use crate::widen::widen_bf16;

/// Outputs whose weights are widened at a time, at least; less than twice as many at most.
const OUTPUTS: usize = 96;

/// `gemm` has other kernels, which sum in other orders, for products of few values, for a row or two, and for
/// sides of 64 or less. From these sizes on, its order is a function of the inputs only. Where there are fewer,
/// zeros are multiplied with the others, and dropped.
const MIN_ROWS: usize = 4;
const MIN_OUTPUTS: usize = 65;

/// Products of rounded activations by `gemm`.
#[derive(Debug)]
pub(super) struct Portable;

impl Multiply for Portable {
    fn pack(&self, x: &[f32], inputs: usize, parts: Bf16Parts) -> Form {
        let mut sums = vec![0.0; x.len() + (MIN_ROWS - 1) * inputs];
        sum_of_parts(x, parts, &mut sums[..x.len()]);
        Form::Rounded(sums)
    }

    fn multiply(&mut self, x: &Form, rows: Range<usize>, w: &[bf16], y: &mut [f32], inputs: usize) {
        let outputs = w.len() / inputs;
        let padded_rows = rows.len().max(MIN_ROWS);
        let x = x.rounded(&(rows.start..rows.start + padded_rows), inputs);
        if rows.len() >= MIN_ROWS && outputs >= MIN_OUTPUTS {
            multiply_rounded(x, w, y, inputs, outputs);
            return;
        }
        let width = outputs.max(MIN_OUTPUTS);
        let mut padded = vec![0.0; padded_rows * width];
        multiply_rounded(x, w, &mut padded, inputs, width);
        for (y, padded) in y.chunks_exact_mut(outputs).zip(padded.chunks_exact(width)) {
            y.copy_from_slice(&padded[..outputs]);
        }
    }
}

/// Multiplies with the weights, block by block. Rows of `y` are `width` values; of weights that are not there,
/// 0.
fn multiply_rounded(x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize, width: usize) {
    let rows = x.len() / inputs;
    let mut widened = vec![0.0; width.min(2 * OUTPUTS - 1) * inputs];
    let mut first = 0;
    while first < width {
        let left = width - first;
        let outputs = if left < 2 * OUTPUTS { left } else { OUTPUTS };
        let w = &w[first * inputs..w.len().min((first + outputs) * inputs)];
        widen_bf16(w, &mut widened[..w.len()]);
        let block = View::new(&widened, outputs, inputs, inputs).transposed();
        let to = ViewMut::new(&mut y[first..], rows, outputs, width);
        matmul(to, View::new(x, rows, inputs, inputs), block, false, 1.0);
        first += outputs;
    }
}
