//! Tiles in software, to test on any processor what is done with them.

use half::bf16;

use super::{ByTiles, Pairs, RowKernel, STEP, Tile, Tiles};

pub(in super::super) fn kernel() -> impl RowKernel {
    // Full of garbage: what is not written is not to be read.
    ByTiles(Software([[[f32::NAN.to_bits(); 16]; 16]; 8]))
}

/// Eight tiles of 16 rows of 16 words.
struct Software([[[u32; 16]; 16]; 8]);

impl Tiles for Software {
    fn zero<const TILE: usize>(&mut self) {
        self.0[TILE] = [[0; 16]; 16];
    }

    fn load_sums<const TILE: usize>(&mut self, from: &Tile) {
        self.0[TILE] = from.map(|row| row.map(f32::to_bits));
    }

    fn load_weights<const TILE: usize>(&mut self, from: &[bf16], stride: usize) {
        for (at, row) in self.0[TILE].iter_mut().enumerate() {
            for (word, pair) in row.iter_mut().zip(from[at * stride..][..32].as_chunks::<2>().0) {
                let [first, second] = pair.map(|weight| u32::from(weight.to_bits()));
                *word = first | second << 16;
            }
        }
    }

    fn load_pairs<const TILE: usize>(&mut self, from: &[Pairs; STEP], half: usize) {
        self.0[TILE] = from.map(|pairs| pairs.0[half]);
    }

    /// As the manual has it: the products of first inputs and those of second ones are summed apart. A product
    /// of two bf16 is exact in `f32`.
    fn multiply<const SUMS: usize, const WEIGHTS: usize, const PAIRS: usize>(&mut self) {
        let (weights, pairs) = (self.0[WEIGHTS], self.0[PAIRS]);
        let halves = |word: u32| [word << 16, word & 0xffff_0000].map(f32::from_bits);
        for (output, sums) in self.0[SUMS].iter_mut().enumerate() {
            for (row, sum) in sums.iter_mut().enumerate() {
                let mut apart = [0f32; 2];
                for step in 0..STEP {
                    let (w, x) = (halves(weights[output][step]), halves(pairs[step][row]));
                    apart = [apart[0] + w[0] * x[0], apart[1] + w[1] * x[1]];
                }
                *sum = (f32::from_bits(*sum) + (apart[0] + apart[1])).to_bits();
            }
        }
    }

    fn store<const TILE: usize>(&self, to: &mut Tile) {
        *to = self.0[TILE].map(|row| row.map(f32::from_bits));
    }

    fn store_rows<const TILE: usize>(&self, to: &mut [f32], stride: usize) {
        for (at, row) in self.0[TILE].iter().enumerate() {
            to[at * stride..][..16].copy_from_slice(&row.map(f32::from_bits));
        }
    }
}
