//! Activations as the instructions for bf16 take them: two inputs of many rows beside each other.

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
