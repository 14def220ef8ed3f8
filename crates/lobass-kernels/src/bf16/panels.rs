//! Activations as the instructions for bf16 take them: two inputs of many rows beside each other.

use std::ops::Range;

use half::bf16;

use super::round::rounded;
use crate::lanes::vectorized;
use crate::transpose::transposed;

/// Rows of a panel.
pub(super) const ROWS: usize = 32;

/// Two inputs of each row of a panel as bf16, the first in the low half of the word. Aligned to lines of the
/// cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Pairs(pub(super) [[u32; ROWS / 2]; 2]);

impl Pairs {
    pub(super) const ZERO: Self = Self([[0; ROWS / 2]; 2]);
}

/// Rounds `x`, `[rows, inputs]`, into panels of `pairs` pairs each, a multiple of 16. Rows and inputs that are
/// not there are 0.
pub(super) fn packed(x: &[f32], inputs: usize, pairs: usize) -> Vec<Pairs> {
    let rows = x.len() / inputs;
    let mut panels = vec![Pairs::ZERO; rows.div_ceil(ROWS) * pairs];
    for (x, panel) in x.chunks(ROWS * inputs).zip(panels.chunks_exact_mut(pairs)) {
        for (half, x) in x.chunks(ROWS / 2 * inputs).enumerate() {
            pack(x, inputs, half, panel);
        }
    }
    panels
}

/// Rounds at most 16 rows into half a panel.
fn pack(x: &[f32], inputs: usize, half: usize, panel: &mut [Pairs]) {
    vectorized(
        #[inline(always)]
        move || {
            let (squares, _) = panel.as_chunks_mut::<16>();
            for (first, pairs) in (0..inputs).step_by(32).zip(squares) {
                let mut square = [[0; 16]; 16];
                for (row, words) in x.chunks_exact(inputs).zip(&mut square) {
                    *words = words_of(&row[first..]);
                }
                for (pairs, words) in pairs.iter_mut().zip(&transposed(&square)) {
                    pairs.0[half] = *words;
                }
            }
        },
    );
}

/// Packs some inputs of weights, `[outputs, inputs]`, into panels of `pairs` pairs each, with an output in the place of a
/// row. What is not there is 0.
#[cfg(any(test, target_arch = "x86_64"))]
pub(super) fn pack_weights(
    w: &[bf16],
    inputs: usize,
    range: &Range<usize>,
    panels: &mut [Pairs],
    pairs: usize,
) {
    for (w, panel) in w.chunks(ROWS * inputs).zip(panels.chunks_exact_mut(pairs)) {
        let (low, high) = w.split_at(w.len().min(ROWS / 2 * inputs));
        for (half, w) in [low, high].into_iter().enumerate() {
            pack_half(w, inputs, range, half, panel);
        }
    }
}

/// Arranges weights of at most 16 outputs in half a panel.
fn pack_half(w: &[bf16], inputs: usize, range: &Range<usize>, half: usize, panel: &mut [Pairs]) {
    vectorized(
        #[inline(always)]
        || {
            let (squares, _) = panel.as_chunks_mut::<16>();
            for (first, pairs) in range.clone().step_by(32).zip(squares) {
                let is_full = w.len() == ROWS / 2 * inputs && first + 32 <= range.end;
                let square =
                    if is_full { full_square(w, inputs, first) } else { square(w, inputs, first..range.end) };
                for (pairs, words) in pairs.iter_mut().zip(&transposed(&square)) {
                    pairs.0[half] = *words;
                }
            }
        },
    );
}

/// 32 weights of 16 outputs, from an input on, as pairs of neighbors.
#[inline(always)]
fn full_square(w: &[bf16], inputs: usize, first: usize) -> [[u32; 16]; 16] {
    std::array::from_fn(|output| {
        let row = w[output * inputs + first..].first_chunk().expect("all inputs are there");
        words_of_weights(row)
    })
}

/// Weights of outputs, as far as they are there, as pairs of neighbors.
fn square(w: &[bf16], inputs: usize, range: Range<usize>) -> [[u32; 16]; 16] {
    let mut square = [[0; 16]; 16];
    for (row, words) in w.chunks_exact(inputs).zip(&mut square) {
        let (row, mut values) = (&row[range.clone()], [bf16::ZERO; 32]);
        let n_values = row.len().min(32);
        values[..n_values].copy_from_slice(&row[..n_values]);
        *words = words_of_weights(&values);
    }
    square
}

#[inline(always)]
fn words_of_weights(row: &[bf16; 32]) -> [u32; 16] {
    let (pairs, _) = row.as_chunks::<2>();
    std::array::from_fn(|at| u32::from(pairs[at][0].to_bits()) | u32::from(pairs[at][1].to_bits()) << 16)
}

/// The first 32 values of a row as pairs of neighbors in bf16, with 0 for what is not there.
#[inline(always)]
fn words_of(row: &[f32]) -> [u32; 16] {
    match row.first_chunk() {
        Some(values) => words(values),
        None => {
            let mut values = [0.0; 32];
            values[..row.len()].copy_from_slice(row);
            words(&values)
        }
    }
}

#[inline(always)]
fn words(values: &[f32; 32]) -> [u32; 16] {
    let mut words = [0; 16];
    for (word, [first, second]) in words.iter_mut().zip(values.as_chunks().0) {
        *word = rounded(*first).to_bits() >> 16 | rounded(*second).to_bits();
    }
    words
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use proptest::prelude::*;

    use super::*;
    use crate::check::values;

    proptest! {
        #[test]
        fn every_value_is_where_it_belongs(
            (rows, inputs, more) in (1usize..70, 1usize..150, 0usize..3), seed: u64,
        ) {
            let (x, pairs) = (values(seed, rows * inputs), 16 * (inputs.div_ceil(32) + more));
            let panels = packed(&x, inputs, pairs);
            prop_assert_eq!(panels.len(), rows.div_ceil(ROWS) * pairs);
            for row in 0..rows.next_multiple_of(ROWS) {
                for input in 0..2 * pairs {
                    let word = panels[row / ROWS * pairs + input / 2].0[row % ROWS / 16][row % 16];
                    let found = if input % 2 == 0 { word << 16 } else { word & 0xffff_0000 };
                    let there = row < rows && input < inputs;
                    let expected = if there { bf16::from_f32(x[row * inputs + input]).to_f32() } else { 0.0 };
                    prop_assert_eq!(f32::from_bits(found), expected, "row {}, input {}", row, input);
                }
            }
        }
    }
}
