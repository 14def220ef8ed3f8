//! Every product that this processor can run against the plain version, and each row against itself beside other rows.

use half::bf16;
use proptest::prelude::*;

use super::*;
use crate::check::values;
use crate::plain;

type Product = Box<dyn Fn(&[f32], &[bf16], &mut [f32], usize)>;

/// Everything that multiplies here, with its name: what this processor has, and what is done with the
/// instructions that it may lack, by others.
fn all() -> Vec<(String, Product)> {
    let available = Bf16Instructions::ALL.into_iter().filter(|one| one.is_available());
    let mut all: Vec<(String, Product)> = available
        .map(|one| {
            let product: Product = Box::new(move |x, w, y, inputs| matmul_bf16_with(one, x, w, y, inputs));
            (one.to_string(), product)
        })
        .collect();
    let in_software = |new: fn() -> Box<dyn Multiply>| -> Product {
        Box::new(move |x, w, y, inputs| in_parts(&mut *new(), x, w, y, inputs))
    };
    let tiles = in_software(|| by_rows::multiply(amx::software_kernel()));
    let vectors = in_software(|| blocks::multiply(avx512::software_kernel()));
    all.extend(packed_once());
    all.extend([("tiles in software".to_owned(), tiles), ("vectors in software".to_owned(), vectors)]);
    all
}

/// Products of rows that were packed before; another product with the same rows comes in between.
fn packed_once() -> impl Iterator<Item = (String, Product)> {
    let available = Bf16Instructions::ALL.into_iter().filter(|one| one.is_available());
    available.map(|one| {
        let product: Product = Box::new(move |x, w, y, inputs| {
            let packed = PackedBf16::with(one, x, inputs, Bf16Parts::One);
            let rows = x.len().checked_div(inputs).unwrap_or(0);
            packed.times(&vec![bf16::NAN; 3 * inputs], &mut vec![0.0; 3 * rows]);
            packed.times(w, y);
        });
        (format!("{one}, packed"), product)
    })
}

#[test]
fn packed_rows_have_the_bits_of_the_product() {
    for (rows, inputs, outputs) in [(1, 1, 1), (3, 70, 9), (ROWS + 3, 641, 65), (2 * ROWS, 33, 130)] {
        let operands = Operands::random((rows, inputs, outputs), 6);
        for (name, packed) in packed_once() {
            let one = Bf16Instructions::ALL.into_iter().find(|one| name.starts_with(&one.to_string()));
            let product: Product =
                Box::new(move |x, w, y, inputs| matmul_bf16_with(one.unwrap(), x, w, y, inputs));
            assert_eq!(operands.product(&packed), operands.product(&product), "{name}, {rows} rows");
        }
    }
}

/// The operands of a product.
#[derive(Debug, Clone, PartialEq)]
struct Operands {
    x: Vec<f32>,
    w: Vec<bf16>,
    inputs: usize,
}

impl Operands {
    fn random((rows, inputs, outputs): (usize, usize, usize), seed: u64) -> Self {
        let w = values(seed ^ 1, outputs * inputs).into_iter().map(bf16::from_f32).collect();
        Self { x: values(seed, rows * inputs), w, inputs }
    }

    fn rows(&self) -> usize {
        self.x.len() / self.inputs
    }

    fn outputs(&self) -> usize {
        self.w.len() / self.inputs
    }

    fn product(&self, multiply: &Product) -> Vec<f32> {
        // Full of garbage: everything is to be written.
        let mut y = vec![f32::NAN; self.rows() * self.outputs()];
        multiply(&self.x, &self.w, &mut y, self.inputs);
        y
    }

    fn plain_product(&self) -> Vec<f64> {
        let mut y = vec![f64::NAN; self.rows() * self.outputs()];
        plain::matmul_bf16(&self.x, &self.w, &mut y, self.inputs);
        y
    }

    /// Panics unless the product is the twin's, up to what rounding every sum may do.
    fn assert_is_plain(&self) {
        let mut absolute = self.clone();
        absolute.x.iter_mut().for_each(|x| *x = x.abs());
        absolute.w.iter_mut().for_each(|w| *w = bf16::from_f32(w.to_f32().abs()));
        let (expected, magnitudes) = (self.plain_product(), absolute.plain_product());
        // Each product, and each sum, is off by half an epsilon of itself at most.
        let tolerance = (self.inputs + 2) as f64 * f64::from(f32::EPSILON);
        for (name, multiply) in all() {
            for (at, found) in self.product(&multiply).into_iter().enumerate() {
                let error = (f64::from(found) - expected[at]).abs();
                let shape = (self.rows(), self.inputs, self.outputs());
                assert!(
                    error <= tolerance * magnitudes[at],
                    "{name}, {shape:?}, at {at}: {found} for {}, off by {error:e}",
                    expected[at]
                );
            }
        }
    }

    /// Panics unless the rows that are picked have the bits that they have here.
    fn assert_rows_are_alike(&self, picks: &[&[usize]]) {
        let outputs = self.outputs();
        for (name, multiply) in all() {
            let here = self.product(&multiply);
            for picked in picks {
                let rows = picked.iter().flat_map(|row| &self.x[row * self.inputs..][..self.inputs]);
                let company = Self { x: rows.copied().collect(), ..self.clone() };
                let there = company.product(&multiply);
                for (at, row) in picked.iter().enumerate() {
                    let (here, there) =
                        (&here[row * outputs..][..outputs], &there[at * outputs..][..outputs]);
                    let shape = (self.rows(), self.inputs, outputs);
                    assert_eq!(here, there, "{name}, {shape:?}: row {row}, as row {at} of {}", picked.len());
                }
            }
        }
    }
}

/// Rows for either side of a product, where instructions have a choice.
fn shape() -> impl Strategy<Value = (usize, usize, usize)> {
    (
        prop_oneof![3 => 1usize..80, 1 => 120usize..200],
        prop_oneof![3 => 1usize..200, 1 => 200usize..1200],
        1usize..150,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn is_the_plain_one(shape in shape(), seed: u64) {
        Operands::random(shape, seed).assert_is_plain();
    }

    #[test]
    fn a_row_is_the_same_in_any_company(
        shape in shape(), picked in prop::collection::vec(any::<prop::sample::Index>(), 1..70), seed: u64,
    ) {
        let picked: Vec<usize> = picked.into_iter().map(|index| index.index(shape.0)).collect();
        Operands::random(shape, seed).assert_rows_are_alike(&[&picked]);
    }
}

#[test]
fn is_the_plain_one_at_the_edges_of_blocks() {
    for inputs in [1, 2, 31, 32, 33, 639, 640, 641, 1024, 1055, 1281] {
        Operands::random((33, inputs, 65), 1).assert_is_plain();
    }
    for outputs in [1, 15, 16, 17, 31, 32, 33, 64, 65, 127, 128, 129, 255, 256, 257] {
        Operands::random((5, 70, outputs), 2).assert_is_plain();
    }
    for rows in [1, 3, 4, 15, 16, 17, 31, 32, 33, ROWS, ROWS + 1] {
        Operands::random((rows, 70, 9), 3).assert_is_plain();
    }
    // Where many rows have their weights arranged in several rounds.
    for (inputs, outputs) in [(1920, 193), (2241, 1), (4100, 33)] {
        Operands::random((128, inputs, outputs), 5).assert_is_plain();
    }
}

#[test]
fn a_row_is_the_same_at_the_edges_of_blocks() {
    for inputs in [1, 2, 3, 33, 641, 1025] {
        for outputs in [1, 4, 64, 65, 130] {
            let operands = Operands::random((ROWS + 70, inputs, outputs), 4);
            let picks = [&[0][..], &[ROWS + 69, 0, 64], &[ROWS], &[ROWS - 1, ROWS, 1, 2, 3, 4]];
            operands.assert_rows_are_alike(&picks);
        }
    }
    for (inputs, outputs) in [(1920, 193), (2241, 1), (4100, 33)] {
        let operands = Operands::random((130, inputs, outputs), 4);
        operands.assert_rows_are_alike(&[&[0], &[129, 0, 64]]);
        assert_rows_of_parts_are_alike(operands, 129);
    }
    let at_once = 2 * ROWS; // rows of so many inputs
    Operands::random((at_once + 3, 1030, 2), 7)
        .assert_rows_are_alike(&[&[at_once], &[at_once + 2, 0, at_once - 1]]);
}

#[test]
fn what_is_not_a_number_stays_in_its_row_and_its_output() {
    for broken in [f32::NAN, f32::INFINITY, f32::MAX] {
        for at in [0, 31, 32, 66] {
            let mut operands = Operands::random((37, 67, 40), 5);
            operands.x[20 * 67 + at] = broken;
            operands.w[11 * 67 + at] = bf16::NAN;
            for (name, multiply) in all() {
                for (index, y) in operands.product(&multiply).into_iter().enumerate() {
                    let expected = index / 40 != 20 && index % 40 != 11;
                    assert_eq!(y.is_finite(), expected, "{name}: {broken} at {at}, index {index}");
                }
            }
        }
    }
}

#[test]
fn without_inputs_the_sums_are_0_and_without_rows_or_outputs_there_are_none() {
    for (_, multiply) in all() {
        let mut y = [1.0; 6];
        multiply(&[], &[], &mut y, 0);
        assert_eq!(y, [0.0; 6]);
        multiply(&[], &[bf16::ONE; 6], &mut [], 3);
        multiply(&[1.0; 6], &[], &mut [], 3);
    }
}

#[test]
fn the_portable_ones_are_always_there_and_the_best_are_detected() {
    assert!(Bf16Instructions::Portable.is_available());
    let best = Bf16Instructions::ALL.into_iter().find(|one| one.is_available());
    assert_eq!(Some(Bf16Instructions::detected()), best);
    // Of 7 bits behind the point, and ties to even.
    let (x, w) = ([1.0, 2.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0], [bf16::ONE, bf16::from_f32(0.5)]);
    let mut y = [0.0; 2];
    matmul_bf16(&x, &w, &mut y, 2);
    assert_eq!(y, [2.0, 1.0 + 0.5 * (1.0 + 4.0 / 256.0)]);
}

#[test]
fn what_is_not_available_panics_and_computes_nothing_else_instead() {
    for one in Bf16Instructions::ALL {
        let multiply = || matmul_bf16_with(one, &[1.0; 4], &[bf16::ONE; 2], &mut [0.0; 2], 2);
        assert_eq!(std::panic::catch_unwind(multiply).is_ok(), one.is_available(), "{one}");
    }
}

#[test]
#[should_panic(expected = "values of x, w, y for 2 rows, 3 inputs, 1 outputs")]
fn lengths_have_to_fit() {
    matmul_bf16(&[0.0; 6], &[bf16::ONE; 4], &mut [0.0; 2], 3);
}

#[test]
#[should_panic(expected = "without inputs")]
fn no_inputs_means_no_values() {
    matmul_bf16(&[0.0; 6], &[], &mut [0.0; 2], 0);
}

type SplitProduct = Box<dyn Fn(&[f32], &[bf16], &mut [f32], usize, Bf16Parts)>;

/// Everything that multiplies sums of parts here, with its name.
fn all_that_split() -> Vec<(String, SplitProduct)> {
    let available = Bf16Instructions::ALL.into_iter().filter(|one| one.is_available());
    let mut all: Vec<(String, SplitProduct)> = available
        .map(|one| {
            let product: SplitProduct =
                Box::new(move |x, w, y, inputs, parts| PackedBf16::with(one, x, inputs, parts).times(w, y));
            (one.to_string(), product)
        })
        .collect();
    let in_software = |new: fn() -> Box<dyn Multiply>| -> SplitProduct {
        Box::new(move |x, w, y, inputs, parts| {
            let mut multiply = new();
            let packed = multiply.pack(x, inputs, parts);
            multiply.multiply(&packed, 0..x.len() / inputs, w, y, inputs);
        })
    };
    all.push(("tiles in software".to_owned(), in_software(|| by_rows::multiply(amx::software_kernel()))));
    all.push(("vectors in software".to_owned(), in_software(|| blocks::multiply(avx512::software_kernel()))));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Beside `f64`, with activations that are not rounded.
    #[test]
    fn products_of_parts_have_the_accuracy_of_the_parts(shape in shape(), seed: u64) {
        let Operands { x, w, inputs } = Operands::random(shape, seed);
        let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
        for (name, multiply) in all_that_split() {
            for (parts, lost) in [(Bf16Parts::Two, 2f64.powi(-16)), (Bf16Parts::Three, 2f64.powi(-24))] {
                let mut y = vec![f32::NAN; rows * outputs];
                multiply(&x, &w, &mut y, inputs, parts);
                let tolerance = lost + (parts.count() * inputs + 2) as f64 * f64::from(f32::EPSILON);
                for (at, found) in y.iter().enumerate() {
                    let (x, w) = (&x[at / outputs * inputs..], &w[at % outputs * inputs..][..inputs]);
                    let products = || x.iter().zip(w).map(|(x, w)| f64::from(*x) * w.to_f64());
                    let (expected, magnitude) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
                    let error = (f64::from(*found) - expected).abs();
                    prop_assert!(error <= tolerance * magnitude, "{}, {:?}: {} for {}", name, parts, found, expected);
                }
            }
        }
    }

    #[test]
    fn a_row_of_parts_is_the_same_in_any_company(shape in shape(), row: prop::sample::Index, seed: u64) {
        assert_rows_of_parts_are_alike(Operands::random(shape, seed), row.index(shape.0));
    }
}

/// Of two and of three parts, a row has the same results alone and beside others.
fn assert_rows_of_parts_are_alike(Operands { x, w, inputs }: Operands, row: usize) {
    let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
    for (name, multiply) in all_that_split() {
        for parts in [Bf16Parts::Two, Bf16Parts::Three] {
            let (mut here, mut alone) = (vec![f32::NAN; rows * outputs], vec![f32::NAN; outputs]);
            multiply(&x, &w, &mut here, inputs, parts);
            multiply(&x[row * inputs..][..inputs], &w, &mut alone, inputs, parts);
            assert_eq!(here[row * outputs..][..outputs], alone, "{name}, {parts:?}, {inputs} inputs");
        }
    }
}
