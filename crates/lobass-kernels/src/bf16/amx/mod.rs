//! Blocks of a product by tiles: a panel's 32 rows times 32 outputs, in four tiles of sums.
//!
//! The weights are the left side of a product and the activations the right one, since the right side is what
//! has to be rearranged, and activations are rounded anyway. So sums come out an output after the other.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod registers;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod support;

use half::bf16;

use super::blocks::{Kernel, Sums, Tile, Weights};
use super::panels::Pairs;

/// Pairs of inputs that are multiplied at once.
const STEP: usize = 16;

/// Whether this process may use tiles.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) fn is_available() -> bool {
    support::is_there()
}

/// A kernel of the tile registers of this thread, if it may use them. A thread has but one at a time.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) fn kernel() -> Option<impl Kernel> {
    registers::Registers::configured().map(ByTiles)
}

/// Eight registers of 16 rows of 64 bytes each, which are known by their numbers.
trait Tiles {
    /// Writes 0.
    fn zero<const TILE: usize>(&mut self);

    fn load_sums<const TILE: usize>(&mut self, from: &Tile);

    /// Loads 32 weights of 16 outputs, each of which begins `stride` weights behind the one before.
    ///
    /// # Panics
    /// If the last of them is beyond the slice.
    fn load_weights<const TILE: usize>(&mut self, from: &[bf16], stride: usize);

    /// Loads 32 inputs of the 16 rows of one half of a panel.
    fn load_pairs<const TILE: usize>(&mut self, from: &[Pairs; STEP], half: usize);

    /// Adds the products of weights and pairs to sums.
    fn multiply<const SUMS: usize, const WEIGHTS: usize, const PAIRS: usize>(&mut self);

    fn store<const TILE: usize>(&self, to: &mut Tile);
}

#[derive(Debug)]
struct ByTiles<T>(T);

impl<T: Tiles> Kernel for ByTiles<T> {
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
        let Self(tiles) = self;
        let (w, stride) = (&*w.values, w.stride);
        let [low_low, low_high, high_low, high_high] = &mut sums.0;
        if first {
            tiles.zero::<0>();
            tiles.zero::<1>();
            tiles.zero::<2>();
            tiles.zero::<3>();
        } else {
            tiles.load_sums::<0>(low_low);
            tiles.load_sums::<1>(low_high);
            tiles.load_sums::<2>(high_low);
            tiles.load_sums::<3>(high_high);
        }
        for (step, x) in x.as_chunks::<STEP>().0.iter().enumerate() {
            let w = &w[2 * STEP * step..];
            tiles.load_weights::<4>(w, stride);
            tiles.load_pairs::<6>(x, 0);
            tiles.multiply::<0, 4, 6>();
            tiles.load_pairs::<7>(x, 1);
            tiles.multiply::<1, 4, 7>();
            tiles.load_weights::<5>(&w[16 * stride..], stride);
            tiles.multiply::<2, 5, 6>();
            tiles.multiply::<3, 5, 7>();
        }
        tiles.store::<0>(low_low);
        tiles.store::<1>(low_high);
        tiles.store::<2>(high_low);
        tiles.store::<3>(high_high);
    }
}

#[cfg(test)]
pub(super) use software::kernel as software_kernel;

#[cfg(test)]
mod software;
