//! The product of a linear layer, row by row.

mod gemm;
#[cfg(any(test, target_arch = "x86_64"))]
mod tiles;

#[cfg(target_arch = "x86_64")]
use pulp::Arch;

#[cfg(target_arch = "x86_64")]
use crate::lanes::arch;

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
    // Where the registers are as many and as wide, tiles are faster than `gemm`.
    #[cfg(target_arch = "x86_64")]
    if let Arch::V4(simd) = arch() {
        return tiles::multiply::<_, { tiles::OUTPUTS / 16 }>(simd, x, w, inputs, y);
    }
    gemm::multiply(x, w, inputs, y);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::{assert_close, values, wide};

    type Product = fn(&[f32], &[f32], usize, &mut [f32]);

    /// Everything that multiplies on some processor, and what does on this.
    const ALL: [Product; 3] = [project, gemm::multiply, by_scalar_tiles];

    fn by_scalar_tiles(x: &[f32], w: &[f32], inputs: usize, y: &mut [f32]) {
        tiles::multiply::<_, { tiles::OUTPUTS }>(pulp::Scalar, x, w, inputs, y);
    }

    fn product(multiply: Product, x: &[f32], w: &[f32], inputs: usize) -> Vec<f32> {
        let mut y = vec![f32::NAN; x.len() / inputs * (w.len() / inputs)];
        multiply(x, w, inputs, &mut y);
        y
    }

    fn assert_is_the_sum_of_products(rows: usize, inputs: usize, outputs: usize, seed: u64) {
        let (x, w) = (values(seed, rows * inputs), values(seed ^ 1, outputs * inputs));
        let (wide_x, wide_w) = (wide(&x), wide(&w));
        let mut expected = Vec::new();
        for row in wide_x.chunks(inputs) {
            for weights in wide_w.chunks(inputs) {
                expected.push(row.iter().zip(weights).map(|(x, w)| x * w).sum());
            }
        }
        for multiply in ALL {
            let tolerance = 1e-7 * (100 + inputs) as f64;
            assert_close(&product(multiply, &x, &w, inputs), &expected, tolerance);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_row_is_to_the_bit_what_it_is_alone(
            rows in 1usize..150, inputs in 1usize..1200, outputs in 2usize..140, at: prop::sample::Index, seed: u64,
        ) {
            let (x, w) = (values(seed, rows * inputs), values(seed ^ 1, outputs * inputs));
            let row = at.index(rows);
            for multiply in ALL {
                let together = product(multiply, &x, &w, inputs);
                let alone = product(multiply, &x[row * inputs..(row + 1) * inputs], &w, inputs);
                prop_assert_eq!(&together[row * outputs..(row + 1) * outputs], &alone);
                let with_those_after = product(multiply, &x[row * inputs..], &w, inputs);
                prop_assert_eq!(&with_those_after[..outputs], &alone);
            }
        }

        #[test]
        fn is_the_sum_of_products(rows in 1usize..20, inputs in 1usize..70, outputs in 1usize..120, seed: u64) {
            assert_is_the_sum_of_products(rows, inputs, outputs, seed);
        }
    }

    #[test]
    fn is_the_sum_of_products_at_the_edges_of_blocks() {
        for inputs in [15, 16, 511, 512, 513, 1025] {
            assert_is_the_sum_of_products(9, inputs, 49, 1);
        }
        for rows in [7, 8, 511, 512, 513] {
            assert_is_the_sum_of_products(rows, 20, 48, 2);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn tiles_have_the_same_bits_with_vectors_of_any_width() {
        let Some(simd) = pulp::x86::V3::try_new() else { return };
        let (x, w) = (values(1, 21 * 700), values(2, 100 * 700));
        let mut y = vec![0.0; 2100];
        tiles::multiply::<_, { tiles::OUTPUTS / 8 }>(simd, &x, &w, 700, &mut y);
        assert_eq!(y, product(by_scalar_tiles, &x, &w, 700));
        if let Arch::V4(_) = arch() {
            assert_eq!(y, product(project, &x, &w, 700));
        }
    }

    #[test]
    fn without_rows_or_outputs_there_is_nothing() {
        project(&[], &[1.0; 8], 4, &mut []);
        project(&[1.0; 8], &[], 4, &mut []);
    }

    #[test]
    #[should_panic(expected = "values of y, [2, 3]")]
    fn lengths_have_to_fit() {
        project(&[0.0; 8], &[0.0; 12], 4, &mut [0.0; 5]);
    }
}
