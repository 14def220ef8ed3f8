//! Logits of hidden states, never all of them at once.

use std::ops::Range;

use burn::tensor::Tensor;
use lobass_llama::Llama;
use lobass_llama::host::{Lent, is_host};

/// Logits held at once where whole rows of them are needed, in values: 64 MiB of f32.
const CHUNK_LOGITS: usize = 16 << 20;
/// Rows, and tokens of the vocabulary, whose logits are held at once on the processor: 4 MiB.
const HOST_ROWS: usize = 512;
const HOST_TOKENS: usize = 2048;

/// What comes of rows and their labels, one of each: on the processor by `on_host` from hidden states, which can look at
/// their logits by [`for_each_block`]; elsewhere by `elsewhere` from whole rows of logits.
pub(crate) fn of_labels<T>(
    model: &Llama,
    hidden: &Tensor<2>,
    labels: &[u32],
    on_host: impl Fn(&Llama, &Tensor<2>, &[u32]) -> Vec<T>,
    elsewhere: impl Fn(Tensor<2>, &[u32]) -> Vec<T>,
) -> Vec<T> {
    let is_on_host = is_host(&hidden.device());
    let size = if is_on_host { HOST_ROWS } else { whole_rows(model) };
    let mut all = Vec::with_capacity(labels.len());
    for (start, labels) in chunks(labels, size) {
        let hidden = hidden.clone().narrow(0, start, labels.len());
        all.extend(if is_on_host {
            on_host(model, &hidden, labels)
        } else {
            elsewhere(model.logits(&hidden), labels)
        });
    }
    all
}

/// Lets logits go by, a block of the vocabulary after the other, so that they stay in the cache.
///
/// # Shapes
/// - `take` gets `[rows, tokens]`, and which tokens those are
pub(crate) fn for_each_block(
    model: &Llama,
    hidden: &Tensor<2>,
    mut take: impl FnMut(&mut [f32], Range<usize>),
) {
    let vocab = model.config().vocab_size;
    for start in (0..vocab).step_by(HOST_TOKENS) {
        let tokens = start..vocab.min(start + HOST_TOKENS);
        take(Lent::new(model.logits_of(hidden, tokens.clone())).values_mut(), tokens);
    }
}

/// The first row and the labels of each chunk of so many rows.
pub(crate) fn chunks(labels: &[u32], size: usize) -> impl Iterator<Item = (usize, &[u32])> {
    labels.chunks(size).enumerate().map(move |(at, labels)| (at * size, labels))
}

/// How many rows of logits are held at once where they are whole.
pub(crate) fn whole_rows(model: &Llama) -> usize {
    (CHUNK_LOGITS / model.config().vocab_size).max(1)
}
