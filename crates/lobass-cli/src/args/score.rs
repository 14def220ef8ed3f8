//! Arguments of `lobass score`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lobass_run::Location;

use super::{ComputeArgs, DataArgs, EncodeArgs, MemoryArgs, VectorArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lobass score --base base --reference tuned --data pool.jsonl --out scores.parquet"
)]
pub(crate) struct ScoreArgs {
    /// The pretrained model: a checkpoint directory with `config.json`, safetensors, and a tokenizer
    #[arg(long, value_name = "MODEL", help_heading = "Models")]
    pub(crate) base: PathBuf,
    /// The same model, fine-tuned on the pool; without it the table has the base's losses only
    #[arg(long, value_name = "MODEL", help_heading = "Models")]
    pub(crate) reference: Option<PathBuf>,
    /// A LoRA adapter of the base in PEFT's format, as the reference; both share one model in memory
    #[arg(long, value_name = "MODEL", conflicts_with = "reference", help_heading = "Models")]
    pub(crate) adapter: Option<PathBuf>,
    /// The null model, a checkpoint or an adapter of `lobass train --context unconditional`: responses are also scored
    /// under it without their prompts, for `pvi-trained`, `prompt-gain`, and `lobass information`
    #[arg(long, value_name = "MODEL", help_heading = "Models")]
    pub(crate) null: Option<PathBuf>,
    /// The score table to write: Parquet, or JSON lines if the name ends in `.jsonl`
    ///
    /// Losses are kept in `FILE.work` until the table is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE", help_heading = "Table")]
    pub(crate) out: PathBuf,
    /// Store the loss of every scored token as well (Parquet only)
    #[arg(long, help_heading = "Table")]
    pub(crate) per_token: bool,
    /// Also score responses without their prompts under the base, for strategies such as ifd and pvi
    #[arg(long, value_enum, value_name = "CONTEXT", help_heading = "Table")]
    pub(crate) context: Option<FurtherContext>,
    /// Also compute the Brier loss of responses under the base, for the strategy lark; adds one pass
    #[arg(long, help_heading = "Table")]
    pub(crate) brier: bool,
    /// Keep losses in this directory or object store; scoring with another reference then reuses the base's losses
    #[arg(long, value_name = "PLACE", help_heading = "Table")]
    pub(crate) work: Option<Location>,
    /// Score on several devices at once, each in a separate process, as in `cuda:0,cuda:1`
    ///
    /// If one of them dies the others continue, and the exit code is 75; the same command does what is left.
    #[arg(
        long,
        value_name = "DEVICES",
        value_delimiter = ',',
        conflicts_with = "device",
        help_heading = "Compute"
    )]
    pub(crate) devices: Vec<String>,
    /// Also write a vector of every row to this file, from the base's pass; see `lobass embed`
    #[arg(long, value_name = "FILE", conflicts_with = "devices", help_heading = "Vectors")]
    pub(crate) embeddings: Option<PathBuf>,
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

/// A context beside the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FurtherContext {
    /// The response alone, after the token that sequences begin with; adds one pass
    Unconditional,
}
