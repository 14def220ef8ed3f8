//! The product on any processor: as `f32`, of rounded values.

use std::ops::Range;

use super::{Bf16Weights, Left, MultiplyRounded, Product};
use crate::bf16::round::rounded;
use crate::lanes::vectorized;
use crate::matmul::{View, ViewMut, matmul};
use crate::widen::widen_bf16;

/// Numbers that are summed at a time, at most: what is allocated is as many rows of either side.
const DEPTH: usize = 512;

/// Products of rounded values by `gemm`.
#[derive(Debug)]
pub(in crate::bf16) struct PortableRounded;

impl MultiplyRounded for PortableRounded {
    fn multiply(&mut self, product: Product<'_>, y: &mut [f32]) {
        let Product { left, right, m, k, n } = product;
        for start in (0..k).step_by(DEPTH) {
            let part = start..k.min(start + DEPTH);
            let to = ViewMut::new(y, m, n, n);
            let right = rounded_rows(right, n, &part);
            let right = View::new(&right, part.len(), n, n);
            match left {
                Left::Rows(matrix) => {
                    let rows = rounded_part(matrix, k, &part);
                    matmul(to, View::new(&rows, m, part.len(), part.len()), right, start > 0, 1.0);
                }
                Left::Columns(matrix) => {
                    let columns = rounded_all(&matrix[part.start * m..part.end * m]);
                    let left = View::new(&columns, part.len(), m, m).transposed();
                    matmul(to, left, right, start > 0, 1.0);
                }
            }
        }
    }
}

fn rounded_rows(right: Bf16Weights<'_>, n: usize, part: &Range<usize>) -> Vec<f32> {
    let values = part.start * n..part.end * n;
    match right {
        Bf16Weights::F32(matrix) => rounded_all(&matrix[values]),
        Bf16Weights::Bf16(matrix) => {
            let mut widened = vec![0.0; values.len()];
            widen_bf16(&matrix[values], &mut widened);
            widened
        }
    }
}

/// Some columns of rows of `k` values.
fn rounded_part(matrix: &[f32], k: usize, part: &Range<usize>) -> Vec<f32> {
    let part: Vec<f32> = matrix.chunks_exact(k).flat_map(|row| &row[part.clone()]).copied().collect();
    rounded_all(&part)
}

fn rounded_all(values: &[f32]) -> Vec<f32> {
    let mut to = vec![0.0; values.len()];
    vectorized(
        #[inline(always)]
        || {
            for (to, value) in to.iter_mut().zip(values) {
                *to = rounded(*value);
            }
        },
    );
    to
}
