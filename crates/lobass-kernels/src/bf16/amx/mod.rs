//! Blocks of a product by tiles: a panel's 32 rows times 32 outputs, in four tiles of sums.
//!
//! The weights are the left side of a product and the activations the right one, since the right side is what
//! has to be rearranged, and activations are rounded anyway. So sums come out an output after the other.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod registers;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod support;

use half::bf16;

use super::kernel::{Kernel, RowKernel, Sums, Tile, Weights};
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
pub(super) fn kernel() -> Option<impl RowKernel> {
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

    /// Stores 16 rows of 16 sums, each of which begins `stride` values behind the one before.
    ///
    /// # Panics
    /// If the last of them is beyond the slice.
    fn store_rows<const TILE: usize>(&self, to: &mut [f32], stride: usize);
}

#[derive(Debug)]
struct ByTiles<T>(T);

impl<T: Tiles> Kernel for ByTiles<T> {
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool) {
        self.add_products(w, x, sums, first);
        let (tiles, [low_low, low_high, high_low, high_high]) = (&self.0, &mut sums.0);
        tiles.store::<0>(low_low);
        tiles.store::<1>(low_high);
        tiles.store::<2>(high_low);
        tiles.store::<3>(high_high);
    }
}

impl<T: Tiles> RowKernel for ByTiles<T> {
    fn finish(
        &mut self,
        w: &Weights<'_>,
        x: &[Pairs],
        sums: &Sums,
        first: bool,
        (y, stride): (&mut [f32], usize),
    ) {
        self.add_products(w, x, sums, first);
        let (low, high) = y.split_at_mut(16 * stride);
        self.0.store_rows::<0>(low, stride);
        self.0.store_rows::<1>(&mut low[16..], stride);
        self.0.store_rows::<2>(high, stride);
        self.0.store_rows::<3>(&mut high[16..], stride);
    }
}

impl<T: Tiles> ByTiles<T> {
    /// Leaves the sums in the first four tiles.
    #[inline(always)]
    fn add_products(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &Sums, first: bool) {
        let Self(tiles) = self;
        let (w, stride) = (&*w.values, w.stride);
        let [low_low, low_high, high_low, high_high] = &sums.0;
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
    }
}

#[cfg(test)]
pub(super) use software::kernel as software_kernel;

#[cfg(test)]
mod software;
