//! Some rows of matrices, as experts need them.

use crate::lanes::{dot, vectorized};

/// Copies rows: `to` gets those of `x` with these numbers.
///
/// # Shapes
/// - `x`: `[any, width]`; `to`: `[rows, width]`
///
/// # Panics
/// If lengths do not fit, or if there is no such row.
pub fn select_rows(x: &[f32], rows: &[usize], width: usize, to: &mut [f32]) {
    assert_eq!(to.len(), rows.len() * width, "values of {} rows", rows.len());
    for (row, to) in rows.iter().zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&x[row * width..(row + 1) * width]);
    }
}

/// Adds `weight * y` to the rows of `sum` with these numbers.
///
/// # Shapes
/// - `sum`: `[any, width]`; `y`: `[rows, width]`; `weights`: `[rows]`
///
/// # Panics
/// If lengths do not fit, or if there is no such row.
pub fn add_rows(sum: &mut [f32], rows: &[usize], weights: &[f32], y: &[f32], width: usize) {
    assert_eq!(
        (weights.len(), y.len()),
        (rows.len(), rows.len() * width),
        "weights, and values of {} rows",
        rows.len()
    );
    vectorized(
        #[inline(always)]
        || {
            for ((row, weight), y) in rows.iter().zip(weights).zip(y.chunks_exact(width)) {
                for (sum, y) in sum[row * width..(row + 1) * width].iter_mut().zip(y) {
                    *sum = weight.mul_add(*y, *sum);
                }
            }
        },
    );
}

/// Writes `sum(x * y)` of each row.
///
/// # Shapes
/// - `x`, `y`: `[rows, width]`; `dots`: `[rows]`
///
/// # Panics
/// If lengths do not fit.
pub fn row_dots(x: &[f32], y: &[f32], width: usize, dots: &mut [f32]) {
    assert_eq!((x.len(), y.len()), (dots.len() * width, dots.len() * width), "values of {} rows", dots.len());
    vectorized(
        #[inline(always)]
        || {
            for ((x, y), to) in x.chunks_exact(width).zip(y.chunks_exact(width)).zip(dots) {
                *to = dot(x, y);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values, wide};
    use crate::plain;

    proptest! {
        #[test]
        fn are_the_plain_ones(
            n in 1usize..9, rows in prop::collection::btree_set(0usize..9, 0..6), width in 1usize..70, seed: u64,
        ) {
            let rows: Vec<usize> = rows.into_iter().filter(|row| *row < n).collect();
            let (x, y) = (values(seed, n * width), values(seed ^ 1, rows.len() * width));
            let weights = values(seed ^ 2, rows.len());
            let mut selected = vec![f32::NAN; y.len()];
            select_rows(&x, &rows, width, &mut selected);
            let mut expected = vec![0.0; y.len()];
            plain::select_rows(&wide(&x), &rows, width, &mut expected);
            assert_close(&selected, &expected, 0.0);

            let (mut dots, mut expected_dots) = (vec![f32::NAN; rows.len()], vec![0.0; rows.len()]);
            row_dots(&selected, &y, width, &mut dots);
            plain::row_dots(&expected, &wide(&y), width, &mut expected_dots);
            assert_close(&dots, &expected_dots, 1e-5);

            let (mut sum, mut expected) = (x.clone(), wide(&x));
            add_rows(&mut sum, &rows, &weights, &y, width);
            plain::add_rows(&mut expected, &rows, &wide(&weights), &wide(&y), width);
            assert_close(&sum, &expected, 1e-6);
        }
    }
}
