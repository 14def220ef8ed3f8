//! Products of strided matrices: the one door to `gemm`.

use gemm::{Parallelism, gemm};

/// A matrix to read, in a slice.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    values: &'a [f32],
    shape: Shape,
}

/// A matrix to write, in a slice.
#[derive(Debug)]
pub struct ViewMut<'a> {
    values: &'a mut [f32],
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> View<'a> {
    /// Sees `rows` rows of `cols` neighbors each, whose first ones are `row_stride` values apart.
    ///
    /// # Panics
    /// If the last value is beyond the slice.
    pub fn new(values: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        let shape = Shape { rows, cols, row_stride, col_stride: 1 };
        shape.check(values.len());
        Self { values, shape }
    }

    /// A copy of it in one piece, with rows of zeros up to `rows`.
    pub(crate) fn padded(self, rows: usize) -> Vec<f32> {
        let Shape { rows: given, cols, row_stride, .. } = self.shape;
        let mut copy = vec![0.0; rows * cols];
        for (row, to) in copy.chunks_exact_mut(cols).take(given).enumerate() {
            to.copy_from_slice(&self.values[row * row_stride..row * row_stride + cols]);
        }
        copy
    }

    /// Swaps rows and columns, without a copy.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Shape { rows, cols, row_stride, col_stride } = self.shape;
        let shape = Shape { rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride };
        Self { values: self.values, shape }
    }
}

impl<'a> ViewMut<'a> {
    /// The mutable form of [`View::new`].
    ///
    /// # Panics
    /// If the last value is beyond the slice, or rows overlap.
    pub fn new(values: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        let shape = Shape { rows, cols, row_stride, col_stride: 1 };
        shape.check(values.len());
        assert!(rows < 2 || row_stride >= cols, "rows of {cols} values overlap at a stride of {row_stride}");
        Self { values, shape }
    }
}

impl ViewMut<'_> {
    /// A reborrow with a shorter lifetime.
    pub(crate) fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut { values: self.values, shape: self.shape }
    }

    /// Rows, and values of one.
    pub(crate) fn sides(&self) -> (usize, usize) {
        (self.shape.rows, self.shape.cols)
    }

    /// Fills it with the first rows of a matrix in one piece.
    pub(crate) fn copy_rows(&mut self, from: &[f32]) {
        let Shape { rows, cols, row_stride, .. } = self.shape;
        for (row, from) in from.chunks_exact(cols).take(rows).enumerate() {
            self.values[row * row_stride..row * row_stride + cols].copy_from_slice(from);
        }
    }
}

impl Shape {
    /// Panics unless every index of the shape is below `len`, and fits an `isize`.
    fn check(self, len: usize) {
        if self.rows == 0 || self.cols == 0 {
            return;
        }
        let last = (self.rows - 1)
            .checked_mul(self.row_stride)
            .and_then(|rows| (self.cols - 1).checked_mul(self.col_stride)?.checked_add(rows));
        assert!(last.is_some_and(|last| last < len), "{self:?} does not fit {len} values");
    }

    /// The strides as `gemm` takes them, of columns and of rows.
    fn strides(self) -> (isize, isize) {
        // A used stride is inside the slice, whose length fits; an unused one may be anything.
        let stride = |stride: usize| isize::try_from(stride).unwrap_or(0);
        (stride(self.col_stride), stride(self.row_stride))
    }
}

/// Computes `dst = alpha * lhs @ rhs`, or adds that to `dst` if `accumulate` is set, on the calling thread.
///
/// The order of a sum is a function of the shapes and of the processor.
///
/// # Shapes
/// - `dst`: `[m, n]`; `lhs`: `[m, k]`; `rhs`: `[k, n]`
///
/// # Panics
/// If shapes do not fit each other.
#[expect(
    unsafe_code,
    reason = "gemm takes pointers; the views hold slices that were checked against their shapes"
)]
pub fn matmul(dst: ViewMut<'_>, lhs: View<'_>, rhs: View<'_>, accumulate: bool, alpha: f32) {
    let ViewMut { values: dst, shape: dst_shape } = dst;
    let (m, n, k) = (dst_shape.rows, dst_shape.cols, lhs.shape.cols);
    assert_eq!((lhs.shape.rows, rhs.shape.rows, rhs.shape.cols), (m, k, n), "shapes of a product do not fit");
    let (dst_cs, dst_rs) = dst_shape.strides();
    let (lhs_cs, lhs_rs) = lhs.shape.strides();
    let (rhs_cs, rhs_rs) = rhs.shape.strides();
    let (to, left, right) = (dst.as_mut_ptr(), lhs.values.as_ptr(), rhs.values.as_ptr());
    // gemm's own `alpha` is the factor of `dst`, its `beta` that of the product.
    let (dst_factor, product_factor) = (1.0, alpha);
    // SAFETY: `View::new` and `ViewMut::new` asserted that every (row, column) of each shape is an index of its slice,
    // transposing keeps that, and m, n, and k are the sides of all three; gemm touches nothing else. `dst` is borrowed
    // mutably, so it overlaps neither operand, and its rows do not overlap each other.
    unsafe {
        gemm(
            m,
            n,
            k,
            to,
            dst_cs,
            dst_rs,
            accumulate,
            left,
            lhs_cs,
            lhs_rs,
            right,
            rhs_cs,
            rhs_rs,
            dst_factor,
            product_factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values};

    proptest! {
        #[test]
        fn is_the_sum_of_products(
            (m, n, k) in (0usize..40, 0usize..40, 0usize..40), pad in 0usize..9,
            (accumulate, left, right) in any::<(bool, bool, bool)>(), seed: u64,
        ) {
            let side = |rows: usize, cols: usize, seed| values(seed, rows * (cols + pad));
            let (lhs, rhs) = (side(m.max(k), m.max(k), seed), side(n.max(k), n.max(k), seed ^ 1));
            let before = side(m, n, seed ^ 2);
            let view = |values, rows, cols, turned: bool| {
                let stride = usize::max(rows, cols) + pad;
                match turned {
                    true => View::new(values, cols, rows, stride).transposed(),
                    false => View::new(values, rows, cols, stride),
                }
            };
            let at = |values: &[f32], row, col, stride, turned| {
                f64::from(if turned { values[col * stride + row] } else { values[row * stride + col] })
            };
            let mut dst = before.clone();
            let to = ViewMut::new(&mut dst, m, n, n + pad);
            matmul(to, view(&lhs, m, k, left), view(&rhs, k, n, right), accumulate, 0.5);
            let mut expected: Vec<f64> = before.iter().map(|x| f64::from(*x)).collect();
            for row in 0..m {
                for col in 0..n {
                    let product = |i| {
                        at(&lhs, row, i, m.max(k) + pad, left) * at(&rhs, i, col, n.max(k) + pad, right)
                    };
                    let dst = &mut expected[row * (n + pad) + col];
                    *dst = 0.5 * (0..k).map(product).sum::<f64>() + if accumulate { *dst } else { 0.0 };
                }
            }
            // Values between the rows are unchanged.
            assert_close(&dst, &expected, 1e-5);
        }
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn a_view_beyond_its_slice_panics() {
        View::new(&[0.0; 9], 3, 4, 3);
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn a_shape_that_overflows_panics() {
        View::new(&[0.0; 9], usize::MAX, 1, usize::MAX);
    }

    #[test]
    #[should_panic(expected = "overlap")]
    fn rows_to_write_do_not_overlap() {
        ViewMut::new(&mut [0.0; 9], 3, 4, 2);
    }

    #[test]
    #[should_panic(expected = "do not fit")]
    fn shapes_have_to_fit() {
        let mut dst = [0.0; 4];
        let operand = View::new(&[0.0; 6], 2, 3, 3);
        matmul(ViewMut::new(&mut dst, 2, 2, 2), operand, operand, false, 1.0);
    }
}
