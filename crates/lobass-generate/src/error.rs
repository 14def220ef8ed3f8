//! Errors between a prompt and its samples.

use thiserror::Error;

/// Why prompts cannot be continued.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings draw nothing.
    #[error("{reason}")]
    Sampling {
        /// The setting, what was expected, and what was found.
        reason: String,
    },
    /// Samples are drawn on the processor only, with all layers in memory.
    #[error(
        "samples are drawn on the device `cpu`, with the whole model in memory, found {found}; leave out `--device` and \
         `--memory`"
    )]
    Device {
        /// Where the model is.
        found: String,
    },
    /// There is nothing to continue.
    #[error("prompt of row `{key}`: expected at least one token, found none")]
    EmptyPrompt {
        /// The row.
        key: String,
    },
    /// A token that the model has no embedding for.
    #[error(
        "prompt of row `{key}`: expected token ids below the model's vocab_size {vocab_size}, found {id}"
    )]
    TokenOutOfRange {
        /// The row.
        key: String,
        /// The token id.
        id: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// Beyond a length, the rotary angles of this model depend on the length of the sequence, so what is behind would
    /// change with each new token.
    #[error(
        "prompt of row `{key}`: expected at most {limit} tokens with the new ones, beyond which the rotary angles of this \
         model depend on the length, found {found}; lower the number of new tokens, or leave long rows out"
    )]
    TooLong {
        /// The row.
        key: String,
        /// The longest sequence.
        limit: usize,
        /// The tokens of the prompt and the new ones.
        found: usize,
    },
}
