//! The product of a linear layer, row by row.

use crate::matmul::{View, ViewMut, matmul};

/// Computes `y = x w^T`.
///
/// A row of `y` is a function of the row of `x` and of `w`: which other rows there are, and how many, changes no bit.
///
/// # Shapes
/// - `x`: `[rows, inputs]`; `w`: `[outputs, inputs]`; `y`: `[rows, outputs]`
///
/// # Panics
/// If lengths are no multiples of `inputs`, or do not fit each other.
///
/// Source: `torch.nn.functional.linear`.
pub fn project(x: &[f32], w: &[f32], inputs: usize, y: &mut [f32]) {
    let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
    assert_eq!((x.len(), w.len()), (rows * inputs, outputs * inputs), "values of x, w in rows of {inputs}");
    assert_eq!(y.len(), rows * outputs, "values of y, [{rows}, {outputs}]");
    if rows == 0 || outputs == 0 {
        return;
    }
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

/// The rows from which on `gemm` sums in one order.
///
/// It has other kernels for one row and for up to 256 results, and cuts long sums in other places while there are at
/// most 64 rows and 64 outputs. Beyond that, where it cuts depends on the length of the sum and on the processor.
fn fewest_rows(outputs: usize) -> usize {
    let beyond_small_results = 256 / outputs + 1;
    let beyond_small_sides = if outputs <= 64 { 65 } else { 2 };
    beyond_small_results.max(beyond_small_sides)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values, wide};

    fn projected(x: &[f32], w: &[f32], inputs: usize) -> Vec<f32> {
        let mut y = vec![f32::NAN; x.len() / inputs * (w.len() / inputs)];
        project(x, w, inputs, &mut y);
        y
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_row_is_to_the_bit_what_it_is_alone(
            rows in 1usize..150, inputs in 1usize..1200, outputs in 2usize..140, at: prop::sample::Index, seed: u64,
        ) {
            let (x, w) = (values(seed, rows * inputs), values(seed ^ 1, outputs * inputs));
            let together = projected(&x, &w, inputs);
            let row = at.index(rows);
            let alone = projected(&x[row * inputs..(row + 1) * inputs], &w, inputs);
            prop_assert_eq!(&together[row * outputs..(row + 1) * outputs], &alone);
            let with_those_after = projected(&x[row * inputs..], &w, inputs);
            prop_assert_eq!(&with_those_after[..outputs], &alone);
        }

        #[test]
        fn is_the_sum_of_products(rows in 0usize..9, inputs in 1usize..70, outputs in 0usize..90, seed: u64) {
            let (x, w) = (values(seed, rows * inputs), values(seed ^ 1, outputs * inputs));
            let (wide_x, wide_w) = (wide(&x), wide(&w));
            let mut expected = Vec::new();
            for row in wide_x.chunks(inputs) {
                for weights in wide_w.chunks(inputs) {
                    expected.push(row.iter().zip(weights).map(|(x, w)| x * w).sum());
                }
            }
            assert_close(&projected(&x, &w, inputs), &expected, 1e-5);
        }
    }

    #[test]
    #[should_panic(expected = "values of y, [2, 3]")]
    fn lengths_have_to_fit() {
        project(&[0.0; 8], &[0.0; 12], 4, &mut [0.0; 5]);
    }
}
