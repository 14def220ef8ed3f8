//! The product by `gemm`.

use crate::matmul::{View, ViewMut, matmul};

/// Computes what [`project`](super::project) does, where no side is 0.
pub(super) fn multiply(x: &[f32], w: &[f32], inputs: usize, y: &mut [f32]) {
    let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
    let weights = View::new(w, outputs, inputs, inputs).transposed();
    let view = View::new(x, rows, inputs, inputs);
    let fewest = fewest_rows(outputs);
    if rows >= fewest {
        return matmul(ViewMut::new(y, rows, outputs, outputs), view, weights, false, 1.0);
    }
    let padded = view.padded(fewest);
    let mut results = vec![0.0; fewest * outputs];
    let to = ViewMut::new(&mut results, fewest, outputs, outputs);
    matmul(to, View::new(&padded, fewest, inputs, inputs), weights, false, 1.0);
    y.copy_from_slice(&results[..rows * outputs]);
}

/// The least number of rows for which `gemm` sums in one order.
///
/// `gemm` has other kernels for one row and for up to 256 results. With at most 64 rows and 64 outputs, it cuts long
/// sums in other places. Beyond that, the cuts depend on the length of the sum and on the processor.
fn fewest_rows(outputs: usize) -> usize {
    let beyond_small_results = 256 / outputs + 1;
    let beyond_small_sides = if outputs <= 64 { 65 } else { 2 };
    beyond_small_results.max(beyond_small_sides)
}
