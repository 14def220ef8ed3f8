//! Arguments of `lobass inspect`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeArgs, DataArgs, EncodeArgs};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass inspect --base base --data pool.jsonl --row 17")]
pub(crate) struct InspectArgs {
    /// The model whose tokenizer and chat template are used
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// A second model, for its losses
    #[arg(long, value_name = "MODEL", requires = "losses")]
    pub(crate) reference: Option<PathBuf>,
    /// Which row, counted from 0 over all files
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) row: u64,
    /// Compute the loss of every scored token, which loads the weights
    #[arg(long)]
    pub(crate) losses: bool,
    /// A score table, to show its entry for the row
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
