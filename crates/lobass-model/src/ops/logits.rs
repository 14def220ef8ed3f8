//! Logits as they are handed out: never all of them at once.

use std::fmt;
use std::ops::Range;

use burn::tensor::Tensor;

use super::input::Input;

/// How logits are made of the rows of hidden states.
#[derive(Clone, Copy)]
pub(crate) struct HeadProducts<'a> {
    /// Prepares some rows for products with the head.
    pub(crate) pack: &'a dyn Fn(&Range<usize>) -> Input,
    /// The logits of these rows for some tokens of the vocabulary.
    pub(crate) product: &'a dyn Fn(&Input, &Range<usize>) -> Tensor<2>,
}

/// The logits of some rows, in the form that suits the device.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is handed out at once, and never stored")]
pub enum Logits<'a> {
    /// On the processor: a block of the vocabulary after the other.
    Blocks(LogitBlocks<'a>),
    /// On other devices: all of them, `[rows, vocab]`.
    Whole(Tensor<2>),
}

/// The logits of some rows, a block of the vocabulary after the other, so that they stay in the cache.
pub struct LogitBlocks<'a>(pub(super) &'a EachBlock<'a>);

/// Calls its argument with every block.
pub(super) type EachBlock<'a> = dyn Fn(&mut dyn FnMut(&mut [f32], Range<usize>)) + 'a;

impl LogitBlocks<'_> {
    /// Computes one block after the other, and gives its logits, `[rows, tokens]`, and its tokens to `take`, which may
    /// overwrite the logits.
    pub fn for_each(self, mut take: impl FnMut(&mut [f32], Range<usize>)) {
        (self.0)(&mut take);
    }
}

impl fmt::Debug for LogitBlocks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogitBlocks").finish_non_exhaustive()
    }
}
