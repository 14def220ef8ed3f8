//! What the instructions of a processor have to do: multiply one block.

use std::borrow::Cow;

use half::bf16;

use super::panels::Pairs;

/// Outputs of a block.
pub(super) const OUTPUTS: usize = 32;

/// Inputs per block are a multiple of this.
pub(super) const STEP: usize = 32;

/// Inputs of a short block at most: as many of a panel, and of as many rows, take 40 KiB of the first cache.
const SHORT_DEPTH: usize = 320;

/// Inputs per block: nearly as many in each, and a function of nothing else, since the order of a sum may depend on it.
pub(super) fn depth(inputs: usize, at_most: usize) -> usize {
    inputs.div_ceil(inputs.div_ceil(at_most)).next_multiple_of(STEP)
}

/// Inputs per short block.
pub(super) fn short_depth(inputs: usize) -> usize {
    depth(inputs, SHORT_DEPTH)
}

/// Sums of 16 outputs for 16 rows, an output after the other.
pub(super) type Tile = [[f32; 16]; 16];

/// Sums of a block of outputs for a panel: of the low outputs for the low rows and for the high ones, and of
/// the high outputs for either.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Sums(pub(super) [Tile; 4]);

impl Sums {
    pub(super) const ZERO: Self = Self([[[0.0; 16]; 16]; 4]);
}

/// Weights of 32 outputs, each of which begins `stride` weights behind the one before.
#[derive(Debug, Clone)]
pub(super) struct Weights<'a> {
    pub(super) values: Cow<'a, [bf16]>,
    pub(super) stride: usize,
}

/// A kernel that multiplies one block with a panel.
pub(super) trait Kernel {
    /// Writes the sums of products, if these are the first of their sums, or adds them to what is there.
    ///
    /// # Shapes
    /// - `w`: `[32, inputs]`; `x`: `[inputs / 2]`, where `inputs` is a multiple of 32
    fn multiply(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &mut Sums, first: bool);
}

/// A kernel that also writes sums where they belong: those of a row one after the other, as they lie in its registers.
pub(super) trait RowKernel: Kernel {
    /// Adds products to sums, unless they are the first of their sums, and writes the result where it belongs.
    ///
    /// # Shapes
    /// - `w`: `[32, inputs]`; `x`: `[inputs / 2]`, where `inputs` is a multiple of 32
    /// - `y`: 32 rows of 32 values, each of which begins `stride` values behind the one before
    fn finish(&mut self, w: &Weights<'_>, x: &[Pairs], sums: &Sums, first: bool, y: (&mut [f32], usize));
}
