//! The product on any processor: as `f32`, of rounded activations and widened weights.

use half::bf16;

use super::round::rounded;
use crate::lanes::vectorized;
use crate::matmul::{View, ViewMut, matmul};
use crate::widen::widen_bf16;

/// Outputs whose weights are widened at a time, at least; less than twice as many at most.
const OUTPUTS: usize = 96;

/// `gemm` has other kernels, which sum in other orders, for products of few values, for a row or two, and for
/// sides of 64 or less. From these sizes on, its order is a function of the inputs only. Where there are fewer,
/// zeros are multiplied with the others, and dropped.
const MIN_ROWS: usize = 4;
const MIN_OUTPUTS: usize = 65;

/// As [`matmul_bf16`](super::matmul_bf16), where there is something to do.
pub(super) fn multiply(x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize) {
    let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
    let mut rounded_x = vec![0.0; rows.max(MIN_ROWS) * inputs];
    round(x, &mut rounded_x[..x.len()]);
    if rows >= MIN_ROWS && outputs >= MIN_OUTPUTS {
        multiply_rounded(&rounded_x, w, y, inputs, outputs);
        return;
    }
    let width = outputs.max(MIN_OUTPUTS);
    let mut padded = vec![0.0; rows.max(MIN_ROWS) * width];
    multiply_rounded(&rounded_x, w, &mut padded, inputs, width);
    for (y, padded) in y.chunks_exact_mut(outputs).zip(padded.chunks_exact(width)) {
        y.copy_from_slice(&padded[..outputs]);
    }
}

fn round(x: &[f32], rounded_x: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (to, from) in rounded_x.iter_mut().zip(x) {
                *to = rounded(*from);
            }
        },
    );
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
