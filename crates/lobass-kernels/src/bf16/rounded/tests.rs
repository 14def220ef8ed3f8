//! Gradients of every kind of instructions that this processor can run against `f64`, within the bound of rounding sums.

use half::bf16;
use proptest::prelude::*;

use super::*;
use crate::bf16::{amx, avx512};
use crate::check::values;

type Multiplier = Box<dyn Fn() -> Box<dyn MultiplyRounded>>;

/// Everything that multiplies here, with its name: what this processor has, and the others in software.
fn all() -> Vec<(String, Multiplier)> {
    let available = Bf16Instructions::ALL.into_iter().filter(|one| one.is_available());
    let mut all: Vec<(String, Multiplier)> = available
        .map(|one| (one.to_string(), Box::new(move || one.expected_rounded()) as Multiplier))
        .collect();
    all.push(("tiles in software".to_owned(), Box::new(|| multiply(amx::software_kernel()))));
    all.push(("vectors in software".to_owned(), Box::new(|| multiply(avx512::software_kernel()))));
    all
}

/// Panics unless a product is that of rounded values, up to what rounding every product and every sum may do.
fn assert_is_the_product(product: Product<'_>, what: &str) {
    let Product { left, right, m, k, n } = product;
    let round = |value: f32| bf16::from_f32(value).to_f64();
    let left = |row: usize, at: usize| match left {
        Left::Rows(matrix) => round(matrix[row * k + at]),
        Left::Columns(matrix) => round(matrix[at * m + row]),
    };
    let right = |at: usize, column: usize| match right {
        Bf16Weights::F32(matrix) => round(matrix[at * n + column]),
        Bf16Weights::Bf16(matrix) => matrix[at * n + column].to_f64(),
    };
    let tolerance = (k + 2) as f64 * f64::from(f32::EPSILON);
    for (name, multiplier) in all() {
        let mut y = vec![f32::NAN; m * n];
        multiplier().multiply(product, &mut y);
        for (at, found) in y.iter().enumerate() {
            let products = || (0..k).map(|i| left(at / n, i) * right(i, at % n));
            let (expected, magnitude) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
            let error = (f64::from(*found) - expected).abs();
            assert!(
                error <= tolerance * magnitude,
                "{name}, {what}, [{m}, {k}] by [{k}, {n}], at {at}: {found} for {expected}"
            );
        }
    }
}

/// Both gradients of a product of these sides.
fn assert_gradients((rows, inputs, outputs): (usize, usize, usize), seed: u64) {
    let (dy, x) = (values(seed, rows * outputs), values(seed ^ 1, rows * inputs));
    let w = values(seed ^ 2, outputs * inputs);
    let half: Vec<bf16> = w.iter().map(|&w| bf16::from_f32(w)).collect();
    for right in [Bf16Weights::F32(&w), Bf16Weights::Bf16(&half)] {
        let product = Product { left: Left::Rows(&dy), right, m: rows, k: outputs, n: inputs };
        assert_is_the_product(product, "inputs");
    }
    let (left, right) = (Left::Columns(&dy), Bf16Weights::F32(&x));
    assert_is_the_product(Product { left, right, m: outputs, k: rows, n: inputs }, "weights");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_are_those_of_rounded_values(
        sides in (1usize..80, 1usize..100, 1usize..150), seed: u64,
    ) {
        assert_gradients(sides, seed);
    }
}

#[test]
fn gradients_at_the_edges_of_blocks() {
    for rows in [1, 31, 32, 33, 639, 641] {
        assert_gradients((rows, 33, 17), 1);
    }
    for outputs in [1, 32, 127, 128, 129, 640, 641, 1281] {
        assert_gradients((5, 34, outputs), 2);
    }
    for inputs in [1, 15, 16, 17, 32, 48, 49, 64, 65] {
        assert_gradients((34, inputs, 33), 3);
    }
}

#[test]
fn more_parts_of_a_sum_than_are_packed_at_a_time() {
    let (rows, inputs, outputs) = (3_300, 640, 2);
    let (dy, x) = (values(1, rows * outputs), values(2, rows * inputs));
    let (left, right) = (Left::Columns(&dy), Bf16Weights::F32(&x));
    assert_is_the_product(Product { left, right, m: outputs, k: rows, n: inputs }, "weights");
}

#[test]
fn what_is_not_a_number_reaches_its_row_and_its_column_only() {
    let (rows, inputs, outputs) = (40, 35, 37);
    let (mut dy, x) = (values(1, rows * outputs), values(2, rows * inputs));
    let w = values(3, outputs * inputs);
    dy[20 * outputs + 11] = f32::NAN;
    for one in Bf16Instructions::ALL.into_iter().filter(|one| one.is_available()) {
        let mut dx = vec![0.0; rows * inputs];
        matmul_bf16_inputs_backward_with(one, &dy, Bf16Weights::F32(&w), &mut dx, inputs);
        assert!(dx.iter().enumerate().all(|(at, dx)| dx.is_nan() == (at / inputs == 20)), "{one}");
        let mut dw = vec![0.0; outputs * inputs];
        matmul_bf16_weights_backward_with(one, &dy, &x, &mut dw, inputs);
        assert!(dw.iter().enumerate().all(|(at, dw)| dw.is_nan() == (at / inputs == 11)), "{one}");
    }
}

#[test]
fn values_are_rounded_to_the_nearest() {
    let values = values(4, 1000);
    let mut found = vec![bf16::ZERO; 1000];
    round_bf16(&values, &mut found);
    let expected: Vec<bf16> = values.iter().map(|&value| bf16::from_f32(value)).collect();
    assert_eq!(found, expected);
}

#[test]
fn without_rows_the_gradient_of_weights_is_0() {
    let mut dw = [1.0; 6];
    matmul_bf16_weights_backward(&[], &[], &mut dw, 3);
    assert_eq!(dw, [0.0; 6]);
    matmul_bf16_inputs_backward(&[], Bf16Weights::F32(&[1.0; 6]), &mut [], 3);
}

#[test]
#[should_panic(expected = "values of dy, [2, 4]")]
fn lengths_have_to_fit() {
    matmul_bf16_inputs_backward(&[0.0; 6], Bf16Weights::F32(&[0.0; 12]), &mut [0.0; 6], 3);
}
