//! Vectors of rows.

use std::path::PathBuf;

use clap::Args;
use lobass_matrix::Format;
use lobass_run::{EmbeddingOptions, Location};

use super::{ComputeArgs, DataArgs, EncodeArgs, MemoryArgs, words};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lobass embed --base base --data pool.jsonl --out embeddings.safetensors\n  \
    lobass score --base base --reference tuned --data pool.jsonl --out scores.parquet --embeddings \
    embeddings.safetensors"
)]
pub(crate) struct EmbedArgs {
    /// The model whose hidden states are pooled: a checkpoint directory, or a hub id
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// The file to write: safetensors with a row for every row of the data
    ///
    /// Vectors are kept in `FILE.work` until it is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Keep vectors in this directory or object store
    #[arg(long, value_name = "PLACE")]
    pub(crate) work: Option<Location>,
    #[command(flatten)]
    pub(crate) vectors: VectorArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
}

/// How vectors are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Vectors")]
pub(crate) struct VectorArgs {
    /// How values are stored [default: f32]
    #[arg(long, value_name = "FORMAT", value_parser = words::<Format>(&["f32", "f16"]))]
    embedding_format: Option<Format>,
    /// Scale every vector to length one
    #[arg(long)]
    normalize_embeddings: bool,
}

impl VectorArgs {
    pub(crate) fn options(&self) -> EmbeddingOptions {
        EmbeddingOptions {
            format: self.embedding_format.unwrap_or_default(),
            normalize: self.normalize_embeddings,
        }
    }

    /// Whether any argument is given.
    pub(crate) fn is_given(&self) -> bool {
        self.embedding_format.is_some() || self.normalize_embeddings
    }
}
