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
    /// --trajectory` leaves, with what the optimizer knew
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Rows of a task that training shall help with; read, rendered, and cut as the pool is
    ///
    /// A row's score is the largest of all tasks. Several files of one NAME are one task.
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1.., required = true)]
    pub(crate) target: Vec<String>,
    /// The file of scores to write: Parquet, or JSON lines if the name ends in `.jsonl`
    ///
    /// Gradients are kept in `FILE.work` until it is whole; the same command takes up an interrupted run.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Keep rows and gradients in this directory, also afterwards: other targets then need no gradient of the pool again
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    /// Values of a gradient after it was projected at random; 0 projects nothing, which takes as many as the adapter has
    #[arg(long, value_name = "N", default_value_t = 8192, help_heading = "Gradients")]
    pub(crate) projection_dim: usize,
    /// The seed of the projection
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Gradients")]
    pub(crate) projection_seed: u64,
    /// How gradients are kept
    #[arg(long, value_name = "FORMAT", default_value = "f16", value_parser = words::<Format>(&["f32", "f16"]), help_heading = "Gradients")]
    pub(crate) gradient_format: Format,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
