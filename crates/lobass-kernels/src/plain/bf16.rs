//! The reference of products in bf16.

use half::bf16;

/// [`matmul_bf16`](crate::matmul_bf16), one product after another. `x` is `f32`, since rounding it is part of
/// this.
pub fn matmul_bf16(x: &[f32], w: &[bf16], y: &mut [f64], inputs: usize) {
    let outputs = w.len().checked_div(inputs).unwrap_or(y.len());
    for (at, y) in y.iter_mut().enumerate() {
        let (row, output) = (at / outputs * inputs, at % outputs * inputs);
        let product = |i: usize| bf16::from_f32(x[row + i]).to_f64() * w[output + i].to_f64();
        *y = (0..inputs).map(product).sum();
    }
}
