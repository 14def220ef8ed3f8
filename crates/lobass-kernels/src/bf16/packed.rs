//! Activations that are rounded and arranged once, for products with several weights.

use std::ops::Range;

use half::bf16;

use super::panels::Pairs;
use super::parts::Bf16Parts;
#[cfg(any(test, target_arch = "x86_64"))]
use super::rows::RoundedRows;
use super::{Bf16Instructions, ROWS, outputs};

/// Rows of activations in bf16, arranged for the instructions that multiply them.
///
/// A product has the same bits as the product of [`matmul_bf16`](super::matmul_bf16) with these rows.
#[derive(Debug, Clone)]
pub struct PackedBf16 {
    instructions: Bf16Instructions,
    rows: usize,
    inputs: usize,
    form: Form,
}

/// How rows are arranged.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Panels of 32 rows, of each part.
    Panels(Vec<Vec<Pairs>>),
    /// One row after another, of each part, for the left side of tiles.
    #[cfg(any(test, target_arch = "x86_64"))]
    Rows(Vec<RoundedRows>),
    /// One row after another, the sums of parts in `f32`, and some rows of zeros.
    Rounded(Vec<f32>),
}

/// The functions that pack rows and multiply them.
pub(super) trait Multiply {
    /// Rows of so many inputs that are multiplied at once, a multiple of 32.
    fn rows_at_once(&self, _inputs: usize) -> usize {
        ROWS
    }

    /// Rounds and arranges `x`, `[rows, inputs]`.
    fn pack(&self, x: &[f32], inputs: usize, parts: Bf16Parts) -> Form;

    /// Computes the product of some rows, at most [so many](Self::rows_at_once) from a multiple of that on. No side is 0.
    ///
    /// # Shapes
    /// - `w`: `[outputs, inputs]`; `y`: `[rows, outputs]`
    fn multiply(&mut self, x: &Form, rows: Range<usize>, w: &[bf16], y: &mut [f32], inputs: usize);
}

impl PackedBf16 {
    /// Rounds and arranges rows for the best instructions of this processor.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    ///
    /// # Panics
    /// If the length of `x` is no multiple of `inputs`.
    pub fn new(x: &[f32], inputs: usize) -> Self {
        Self::with(Bf16Instructions::detected(), x, inputs, Bf16Parts::One)
    }

    /// Arranges rows as sums of parts: with three, products have the accuracy of `f32`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    ///
    /// # Panics
    /// If the length of `x` is no multiple of `inputs`.
    pub fn split(x: &[f32], inputs: usize, parts: Bf16Parts) -> Self {
        Self::with(Bf16Instructions::detected(), x, inputs, parts)
    }

    /// Arranges rows as sums of parts for these instructions.
    ///
    /// # Panics
    /// If the length of `x` is no multiple of `inputs`, or if the instructions are not
    /// [available](Bf16Instructions::is_available).
    pub fn with(instructions: Bf16Instructions, x: &[f32], inputs: usize, parts: Bf16Parts) -> Self {
        let rows = x.len().checked_div(inputs).unwrap_or(0);
        assert_eq!(x.len(), rows * inputs, "values of x in rows of {inputs}");
        let form = match rows {
            0 => Form::Rounded(Vec::new()), // nothing to multiply
            _ => instructions.expected().pack(x, inputs, parts),
        };
        Self { instructions, rows, inputs, form }
    }

    /// Computes `y = bf16(x) @ w^T`.
    ///
    /// # Shapes
    /// - `w`: `[outputs, inputs]`; `y`: `[rows, outputs]`
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn times(&self, w: &[bf16], y: &mut [f32]) {
        let Self { instructions, rows, inputs, ref form } = *self;
        let Some(outputs) = outputs(rows * inputs, w.len(), y.len(), inputs) else {
            y.fill(0.0);
            return;
        };
        let mut multiply = instructions.expected();
        let at_once = multiply.rows_at_once(inputs);
        for (part, y) in y.chunks_mut(at_once * outputs).enumerate() {
            let rows = part * at_once..rows.min((part + 1) * at_once);
            multiply.multiply(form, rows, w, y, inputs);
        }
    }
}

impl Form {
    /// The panels of rows from the first of a panel on, of `pairs` pairs each, for each part.
    pub(super) fn panels(&self, rows: &Range<usize>, pairs: usize) -> Vec<&[Pairs]> {
        match self {
            Self::Panels(parts) => {
                let panel = |row: usize| row.div_ceil(super::panels::ROWS) * pairs;
                parts.iter().map(|panels| &panels[panel(rows.start)..panel(rows.end)]).collect()
            }
            _ => unreachable!("packed by what multiplies panels"),
        }
    }

    /// Values of rounded rows, which may be some of the zeros behind the last one.
    pub(super) fn rounded(&self, rows: &Range<usize>, inputs: usize) -> &[f32] {
        match self {
            Self::Rounded(values) => &values[rows.start * inputs..rows.end * inputs],
            _ => unreachable!("packed by what multiplies rows"),
        }
    }
}
