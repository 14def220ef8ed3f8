//! Products of activations with weights in bf16, as a checkpoint has them.
//!
//! The activations are rounded to bf16 once; products and sums are `f32`. The order of a sum depends on the number of
//! inputs only. So a row's results have the same bits alone and beside other rows, at any place.

#[cfg(any(test, target_arch = "x86_64"))]
mod aligned;
#[cfg(any(test, all(target_arch = "x86_64", target_os = "linux")))]
mod amx;
#[cfg(any(test, target_arch = "x86_64"))]
mod avx512;
#[cfg(any(test, target_arch = "x86_64"))]
mod blocks;
#[cfg(any(test, target_arch = "x86_64"))]
mod by_rows;
mod instructions;
#[cfg(any(test, target_arch = "x86_64"))]
mod kernel;
mod packed;
#[cfg(any(test, target_arch = "x86_64"))]
mod panels;
mod parts;
mod portable;
mod round;
mod rounded;
#[cfg(any(test, target_arch = "x86_64"))]
mod rows;

use half::bf16;

pub use instructions::Bf16Instructions;
use packed::Multiply;
pub use packed::PackedBf16;
pub use parts::Bf16Parts;
pub use rounded::{
    Bf16Weights, matmul_bf16_inputs_backward, matmul_bf16_inputs_backward_with, matmul_bf16_weights_backward,
    matmul_bf16_weights_backward_with, round_bf16,
};

/// Rows at a time: what is allocated does not grow with more of them.
const ROWS: usize = 512;

/// Computes `y = bf16(x) @ w^T` with the best instructions of this processor, [`Bf16Instructions::detected`].
///
/// Rounding is to the nearest, ties to even; a NaN stays one, and a value beyond the greatest bf16 is
/// infinite. A row of `y` is a function of its row of `x`, of `w`, and of the instructions, bit for bit.
/// Numbers below the least normal one may be taken for 0, by instructions that know no others.
///
/// # Shapes
/// - `x`: `[rows, inputs]`; `w`: `[outputs, inputs]`; `y`: `[rows, outputs]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: `torch.nn.functional.linear(x.bfloat16(), w)`, before its result is rounded.
pub fn matmul_bf16(x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize) {
    matmul_bf16_with(Bf16Instructions::detected(), x, w, y, inputs);
}

/// Computes what [`matmul_bf16`] does, with these instructions.
///
/// # Panics
/// If lengths do not fit, or if the instructions are not [available](Bf16Instructions::is_available).
pub fn matmul_bf16_with(instructions: Bf16Instructions, x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize) {
    in_parts(&mut *instructions.expected(), x, w, y, inputs);
}

/// Packs and multiplies some rows at a time.
fn in_parts(multiply: &mut dyn Multiply, x: &[f32], w: &[bf16], y: &mut [f32], inputs: usize) {
    let Some(outputs) = outputs(x.len(), w.len(), y.len(), inputs) else {
        y.fill(0.0);
        return;
    };
    let rows = multiply.rows_at_once(inputs);
    for (x, y) in x.chunks(rows * inputs).zip(y.chunks_mut(rows * outputs)) {
        let packed = multiply.pack(x, inputs, Bf16Parts::One);
        multiply.multiply(&packed, 0..x.len() / inputs, w, y, inputs);
    }
}

/// The width of a row of `y`; `None` if there is nothing to sum or nothing to write.
fn outputs(x: usize, w: usize, y: usize, inputs: usize) -> Option<usize> {
    if inputs == 0 {
        assert_eq!((x, w), (0, 0), "values of x and w without inputs");
        return None;
    }
    let (rows, outputs) = (x / inputs, w / inputs);
    let expected = (rows * inputs, outputs * inputs, rows * outputs);
    assert_eq!((x, w, y), expected, "values of x, w, y for {rows} rows, {inputs} inputs, {outputs} outputs");
    (y > 0).then_some(outputs)
}

#[cfg(test)]
mod tests;
