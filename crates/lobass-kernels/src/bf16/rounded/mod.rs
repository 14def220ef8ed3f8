//! Products of matrices that are both rounded to bf16, with `f32` sums: what training in mixed precision needs besides
//! [`matmul_bf16`](super::matmul_bf16).
//!
//! The order of a sum depends on its length only, and on the instructions.

#[cfg(any(test, target_arch = "x86_64"))]
mod blocked;
#[cfg(any(test, target_arch = "x86_64"))]
mod left;
mod portable;
#[cfg(any(test, target_arch = "x86_64"))]
mod right;
#[cfg(test)]
mod tests;

use half::bf16;

#[cfg(any(test, target_arch = "x86_64"))]
pub(super) use blocked::multiply;
pub(super) use portable::PortableRounded;

use super::Bf16Instructions;
use super::round::round_row;
use crate::lanes::vectorized;

/// Weights for products in bf16. Those in `f32` are rounded, to the nearest and ties to even.
#[derive(Debug, Clone, Copy)]
pub enum Bf16Weights<'a> {
    /// Rounded whenever they are multiplied.
    F32(&'a [f32]),
    /// Taken as they are.
    Bf16(&'a [bf16]),
}

impl Bf16Weights<'_> {
    fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }
}

/// The left side of a product.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left<'a> {
    /// `[m, k]`.
    Rows(&'a [f32]),
    /// `[k, m]`.
    Columns(&'a [f32]),
}

/// `y = left @ right`, of which no side is 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) left: Left<'a>,
    /// `[k, n]`.
    pub(super) right: Bf16Weights<'a>,
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
}

/// A function that computes products.
pub(super) trait MultiplyRounded {
    /// Writes the product to `y`, `[m, n]`.
    fn multiply(&mut self, product: Product<'_>, y: &mut [f32]);
}

/// Computes `dx = bf16(dy) @ bf16(w)`: the gradient of a product `y = x @ w^T` with respect to `x`, given that of `y`.
///
/// # Shapes
/// - `dy`: `[rows, outputs]`; `w`: `[outputs, inputs]`; `dx`: `[rows, inputs]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: the backward pass of `torch.nn.functional.linear` under `torch.autocast("cpu", torch.bfloat16)`, before its
/// result is rounded.
pub fn matmul_bf16_inputs_backward(dy: &[f32], w: Bf16Weights<'_>, dx: &mut [f32], inputs: usize) {
    matmul_bf16_inputs_backward_with(Bf16Instructions::detected(), dy, w, dx, inputs);
}

/// Computes what [`matmul_bf16_inputs_backward`] does, with these instructions.
///
/// # Panics
/// If lengths do not fit, or if the instructions are not [available](Bf16Instructions::is_available).
pub fn matmul_bf16_inputs_backward_with(
    instructions: Bf16Instructions,
    dy: &[f32],
    w: Bf16Weights<'_>,
    dx: &mut [f32],
    inputs: usize,
) {
    let (rows, outputs) = sides(dx.len(), w.len(), inputs);
    assert_eq!(dy.len(), rows * outputs, "values of dy, [{rows}, {outputs}]");
    let product = Product { left: Left::Rows(dy), right: w, m: rows, k: outputs, n: inputs };
    compute(instructions, product, dx);
}

/// Computes `dw = bf16(dy)^T @ bf16(x)`: the gradient of a product `y = x @ w^T` with respect to `w`, given that of `y`.
///
/// # Shapes
/// - `dy`: `[rows, outputs]`; `x`: `[rows, inputs]`; `dw`: `[outputs, inputs]`
///
/// # Panics
/// If lengths do not fit.
///
/// Source: as [`matmul_bf16_inputs_backward`].
pub fn matmul_bf16_weights_backward(dy: &[f32], x: &[f32], dw: &mut [f32], inputs: usize) {
    matmul_bf16_weights_backward_with(Bf16Instructions::detected(), dy, x, dw, inputs);
}

/// Computes what [`matmul_bf16_weights_backward`] does, with these instructions.
///
/// # Panics
/// If lengths do not fit, or if the instructions are not [available](Bf16Instructions::is_available).
pub fn matmul_bf16_weights_backward_with(
    instructions: Bf16Instructions,
    dy: &[f32],
    x: &[f32],
    dw: &mut [f32],
    inputs: usize,
) {
    let (rows, outputs) = sides(x.len(), dw.len(), inputs);
    assert_eq!(dy.len(), rows * outputs, "values of dy, [{rows}, {outputs}]");
    let (left, right) = (Left::Columns(dy), Bf16Weights::F32(x));
    compute(instructions, Product { left, right, m: outputs, k: rows, n: inputs }, dw);
}

/// Rounds values to bf16, to the nearest and ties to even; a NaN stays one.
///
/// # Panics
/// If there are not as many of both.
pub fn round_bf16(values: &[f32], to: &mut [bf16]) {
    assert_eq!(values.len(), to.len(), "as many values as places");
    vectorized(
        #[inline(always)]
        || round_row(values, to),
    );
}

/// Rows and outputs of matrices whose rows are `inputs` values.
fn sides(x: usize, w: usize, inputs: usize) -> (usize, usize) {
    let [rows, outputs] = [x, w].map(|len| len.checked_div(inputs).unwrap_or(0));
    assert_eq!((x, w), (rows * inputs, outputs * inputs), "values of matrices in rows of {inputs}");
    (rows, outputs)
}

fn compute(instructions: Bf16Instructions, product: Product<'_>, y: &mut [f32]) {
    if product.k == 0 {
        y.fill(0.0);
    } else if !y.is_empty() {
        instructions.expected_rounded().multiply(product, y);
    }
}
