//! Logits of hidden states, never all of them at once.

use std::ops::Range;

use burn::tensor::Tensor;
use lobass_model::Decoder;
use lobass_model::host::Lent;

/// Logits held at once where whole rows of them are needed, in values: 64 MiB of f32.
const CHUNK_LOGITS: usize = 16 << 20;
/// Rows, and tokens of the vocabulary, whose logits are held at once on the processor: 4 MiB.
pub(crate) const HOST_ROWS: usize = 512;
const HOST_TOKENS: usize = 2048;

/// The logits of some rows, a block of the vocabulary after the other, so that they stay in the cache.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'a> {
    model: &'a Decoder,
    hidden: &'a Tensor<2>,
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(model: &'a Decoder, hidden: &'a Tensor<2>) -> Self {
        Self { model, hidden }
    }

    /// Computes one block after the other, and hands out its logits, `[rows, tokens]`, and which tokens those are. What
    /// `take` leaves in the logits nobody reads.
    pub fn for_each(self, mut take: impl FnMut(&mut [f32], Range<usize>)) {
        let vocab = self.model.spec().vocab_size;
        for start in (0..vocab).step_by(HOST_TOKENS) {
            let tokens = start..vocab.min(start + HOST_TOKENS);
            take(Lent::new(self.model.logits_of(self.hidden, tokens.clone())).values_mut(), tokens);
        }
    }
}

/// The first row and the labels of each chunk of rows.
pub(crate) fn chunks(labels: &[u32], size: usize) -> impl Iterator<Item = (usize, &[u32])> {
    labels.chunks(size).enumerate().map(move |(at, labels)| (at * size, labels))
}

/// How many rows of logits are held at once where they are whole.
pub(crate) fn whole_rows(model: &Decoder) -> usize {
    (CHUNK_LOGITS / model.spec().vocab_size).max(1)
}
