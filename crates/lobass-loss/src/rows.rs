//! Rows of a matrix by their numbers.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

/// Some rows of a matrix, `[rows, width]` to `[chosen, width]`.
pub(crate) fn select_rows(matrix: Tensor<2>, rows: &[usize]) -> Tensor<2> {
    if rows.iter().copied().eq(0..matrix.dims()[0]) {
        return matrix;
    }
    let rows = indices(rows, &matrix.device());
    matrix.select(0, rows)
}

/// The gradient of [`select_rows`]: rows in their places among `n_rows`, zero elsewhere.
pub(crate) fn select_rows_backward(d_rows: Tensor<2>, rows: &[usize], n_rows: usize) -> Tensor<2> {
    let (device, width) = (d_rows.device(), d_rows.dims()[1]);
    let empty = Tensor::zeros([n_rows, width], &device);
    empty.select_assign(0, indices(rows, &device), d_rows, IndexingUpdateOp::Add)
}

#[expect(clippy::cast_possible_wrap, reason = "positions are far below 2^63")]
fn indices(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}

/// Labels as a device reads them.
pub(crate) fn label_indices(labels: &[u32], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
    let count = labels.len();
    Tensor::from_data(TensorData::new(labels, [count]), device)
}
