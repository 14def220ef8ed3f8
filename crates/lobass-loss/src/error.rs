//! Errors between a sequence and its loss.

use thiserror::Error;

/// Why sequences cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A token that the model has no embedding for: the tokenizer belongs to another model.
    #[error("sequence {sequence}: expected token ids below the model's vocab_size {vocab_size}, found {id}")]
    TokenOutOfRange {
        /// Which of the given sequences, 0-based.
        sequence: usize,
        /// The token id.
        id: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// The device cannot run even a single sequence.
    #[error("the device cannot run a single sequence: {reason}")]
    Device {
        /// The message.
        reason: String,
    },
}
