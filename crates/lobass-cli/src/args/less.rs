//! Rows that move an adapter towards a target.

use std::path::PathBuf;

use clap::Args;
use lobass_matrix::Format;

use super::{ComputeArgs, DataArgs, EncodeArgs, words};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    lobass train --base base --data warm-up.jsonl --out warm-up --method lora --epochs 4 --trajectory\n  \
    lobass less --base base --checkpoints warm-up/epochs/epoch-* --data pool.jsonl --target sums=sums.jsonl \
    --out less.parquet")]
pub(crate) struct LessArgs {
    /// The checkpoint that the adapter was trained on
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// The adapter at the end of each warm-up epoch: the directories in `epochs/` that `lobass train --method lora
    /// --trajectory` writes, with AdamW's moments
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Rows of a target task, in the same formats as the pool
    ///
    /// A row's score is the largest of all tasks. Several files of one NAME are one task.
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1.., required = true)]
    pub(crate) target: Vec<String>,
    /// The file of scores to write: Parquet, or JSON lines if the name ends in `.jsonl`
    ///
    /// Gradients are kept in `FILE.work` until it is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Keep rows and gradients in this directory; other targets then reuse the gradients of the pool
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// The size of a randomly projected gradient; 0 keeps whole gradients, as large as the adapter
    #[arg(long, value_name = "N", default_value_t = 8192, help_heading = "Gradients")]
    pub(crate) projection_dim: usize,
    /// The seed of the projection
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Gradients")]
    pub(crate) projection_seed: u64,
    /// The number format of stored gradients
    #[arg(long, value_name = "FORMAT", default_value = "f16", value_parser = words::<Format>(&["f32", "f16"]), help_heading = "Gradients")]
    pub(crate) gradient_format: Format,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
