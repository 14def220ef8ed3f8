//! Everything that can go wrong with a checkpoint.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::{ConfigError, Dtype, Rounding};

/// Why a checkpoint cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The config cannot be used.
    #[error("config `{}`", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ConfigError,
    },
    /// The directory holds no weights that lobass reads.
    #[error(
        "checkpoint `{}`: expected `model.safetensors` or `model.safetensors.index.json`, found {found}",
        path.display()
    )]
    NoWeights {
        /// The directory.
        path: PathBuf,
        /// The found content.
        found: String,
    },
    /// A file that was not fetched: Git LFS has left a few lines in its place.
    #[error("shard `{}` is a pointer of Git LFS; fetch the file with `git lfs pull`", path.display())]
    Pointer {
        /// The file.
        path: PathBuf,
    },
    /// A shard is damaged: truncated, or with a header that does not describe it.
    #[error("shard `{}` is not a valid safetensors file", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: safetensors::SafeTensorError,
    },
    /// The index of a sharded checkpoint is damaged or disagrees with its shards.
    #[error("index `{}`: {reason}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A base that cannot be rounded to few bits.
    #[error("checkpoint `{}`: expected plain weights without experts to round to {to}, found {found}", path.display())]
    Rounding {
        /// The directory.
        path: PathBuf,
        /// The format that was asked for.
        to: Rounding,
        /// What does not allow it.
        found: String,
    },
    /// The names of all tensors begin with what a wrapper around the model left behind.
    #[error(
        "checkpoint `{}`: expected tensors such as `model.norm.weight`, found `{prefix}` in front of their names, which \
         transformers does not read (it starts such a model from random weights); save the model inside the wrapper, \
         or take `{prefix}` off the names",
        path.display()
    )]
    Wrapped {
        /// The directory.
        path: PathBuf,
        /// The prefix of the names.
        prefix: String,
    },
    /// Tensors and config do not fit together; every misfit is listed.
    #[error("checkpoint `{}` does not fit its config in {} tensors{}", path.display(), problems.len(), bullets(problems))]
    Tensors {
        /// The directory.
        path: PathBuf,
        /// Every misfit.
        problems: Vec<TensorProblem>,
    },
    /// The tensors of an adapter do not fit its config or its base; every misfit is listed.
    #[error(
        "adapter `{}` does not fit its config and its base in {} tensors{}", path.display(), problems.len(),
        bullets(problems)
    )]
    AdapterTensors {
        /// The directory.
        path: PathBuf,
        /// Every misfit.
        problems: Vec<TensorProblem>,
    },
    /// A token id outside the vocabulary, which no embedding has a row for.
    #[error("token id {id}: expected below the model's vocab_size, {vocab_size}")]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// The number of rows of the embedding.
        vocab_size: usize,
    },
    /// An adapter that is not one, or not of a kind that is computed here.
    #[error("adapter `{}`: {reason}", path.display())]
    Adapter {
        /// The directory.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An adapter that cannot be made.
    #[error("LoRA: expected `{field}` to be {expected}, found {found}")]
    Lora {
        /// The field of the configuration.
        field: &'static str,
        /// The expected value.
        expected: String,
        /// The found value.
        found: String,
    },
    /// A weight that a number format has no number for.
    #[error(
        "tensor `{tensor}`: expected weights that fit into {dtype}, found {found}; write them in a format with a wider \
         range, such as f32"
    )]
    Range {
        /// The tensor.
        tensor: String,
        /// The format to write.
        dtype: Dtype,
        /// The weight.
        found: f32,
    },
    /// A device name that is not one, or not of this build.
    #[error("device `{name}`: {reason}")]
    Device {
        /// The name.
        name: String,
        /// The reason, and what to do.
        reason: String,
    },
}

/// One tensor that does not fit the config.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorProblem {
    /// The config asks for it, and no shard has it.
    Missing {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The most similar name that no one asked for.
        near: Option<String>,
    },
    /// A shard has it, and the config does not ask for it.
    Unexpected {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// It has another shape than the config says.
    Shape {
        /// Its name.
        name: String,
        /// Its shape by the config.
        expected: Vec<usize>,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// It holds numbers that are no weights here.
    Dtype {
        /// Its name.
        name: String,
        /// Its dtype in the file.
        found: String,
    },
    /// A tensor in few bits that cannot be decoded.
    Coded {
        /// The tensor that is wrong: the one of the bits, or one beside it.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The config ties the head to the embedding, and the file holds two different ones.
    Tied,
    /// The file has it under two names.
    Twice {
        /// One name.
        first: String,
        /// The other one.
        second: String,
    },
}

impl TensorProblem {
    /// How many of many problems a message lists.
    pub(crate) const SHOWN: usize = 40;
}

impl fmt::Display for TensorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, shape, near: None } => write!(f, "missing `{name}` {shape:?}"),
            Self::Missing { name, shape, near: Some(near) } => {
                write!(f, "missing `{name}` {shape:?}; the file has a similar `{near}`")
            }
            Self::Unexpected { name, shape } => write!(f, "unexpected `{name}` {shape:?}"),
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}`: expected shape {expected:?}, found {found:?}")
            }
            Self::Dtype { name, found } => {
                write!(f, "`{name}`: expected dtype F32, F16, or BF16, found {found}")
            }
            Self::Coded { name, reason } => write!(f, "`{name}`: {reason}"),
            Self::Twice { first, second } => {
                write!(f, "`{first}` and `{second}` are names of one tensor: expected one of them")
            }
            Self::Tied => f.write_str(
                "`lm_head.weight` differs from `model.embed_tokens.weight`, but the config ties them; \
                 set \"tie_word_embeddings\": false if both are meant",
            ),
        }
    }
}

/// Lists problems below a message, the first few dozen of them.
fn bullets(problems: &[TensorProblem]) -> String {
    const SHOWN: usize = TensorProblem::SHOWN;
    let mut text: String = problems.iter().take(SHOWN).map(|problem| format!("\n  - {problem}")).collect();
    if problems.len() > SHOWN {
        text += &format!("\n  - and {} more", problems.len() - SHOWN);
    }
    text
}
