//! Blocks of a product by vectors: 16 rows side by side, and two inputs of each at once.

#[cfg(target_arch = "x86_64")]
mod registers;

use half::bf16;

use super::kernel::{Kernel, OUTPUTS, Sums, Weights};
use super::panels::Pairs;

/// Outputs at a time: with as many sums for either half of a panel's rows, 16 of 32 registers.
const GROUP: usize = 8;

/// Whether this processor has such vectors, and its operating system saves them.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_available() -> bool {
    registers::Avx512::detected().is_some()
}

/// A kernel of this processor's vectors, if it has such.
#[cfg(target_arch = "x86_64")]
pub(super) fn kernel() -> Option<impl Kernel> {
    registers::Avx512::detected()
}

/// Vectors of 16 sums, and of 16 pairs of bf16.
trait Lanes: Copy {
    type Sums: Copy;
    type Pairs: Copy;

    fn load_sums(self, from: &[f32; 16]) -> Self::Sums;

    fn store(self, sums: Self::Sums, to: &mut [f32; 16]);

    fn load_pairs(self, from: &[u32; 16]) -> Self::Pairs;

    /// A pair of weights, repeated for every row.
    fn splat(self, weights: [bf16; 2]) -> Self::Pairs;

    /// Adds both products of each pair to its sum.
    fn multiply_add(self, sums: Self::Sums, x: Self::Pairs, w: Self::Pairs) -> Self::Sums;
}

/// [`Kernel::multiply`] for some lanes. Inlined, so that it is compiled for the instructions of the lanes.
#[inline(always)]
fn multiply<L: Lanes>(lanes: L, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
    for output in (0..OUTPUTS).step_by(GROUP) {
        let mut weights: [&[[bf16; 2]]; GROUP] = [&[]; GROUP];
        for (at, weights) in weights.iter_mut().enumerate() {
            *weights = w.values[(output + at) * w.stride..][..2 * x.len()].as_chunks::<2>().0;
        }
        // The first place of the group in either tile.
        let (tile, place) = (2 * (output / 16), output % 16);
        let mut group = [[lanes.load_sums(&[0.0; 16]); 2]; GROUP];
        if !first {
            for (at, [low, high]) in group.iter_mut().enumerate() {
                *low = lanes.load_sums(&sums.0[tile][place + at]);
                *high = lanes.load_sums(&sums.0[tile + 1][place + at]);
            }
        }
        for (pair, Pairs([x_low, x_high])) in x.iter().enumerate() {
            let (x_low, x_high) = (lanes.load_pairs(x_low), lanes.load_pairs(x_high));
            for ([low, high], weights) in group.iter_mut().zip(&weights) {
                let w = lanes.splat(weights[pair]);
                *low = lanes.multiply_add(*low, x_low, w);
                *high = lanes.multiply_add(*high, x_high, w);
            }
        }
        for (at, [low, high]) in group.iter().enumerate() {
            lanes.store(*low, &mut sums.0[tile][place + at]);
            lanes.store(*high, &mut sums.0[tile + 1][place + at]);
        }
    }
}

#[cfg(test)]
pub(super) use software::kernel as software_kernel;

#[cfg(test)]
mod software;
