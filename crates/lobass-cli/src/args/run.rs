//! Arguments of `lobass run`.

use std::path::PathBuf;

use clap::Args;

use super::{ComputeArgs, DataArgs, EncodeArgs, MemoryArgs, RecipeArgs, ReferenceArgs, SelectionArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lobass run --init lobass.toml\n  lobass run lobass.toml\n  \
    lobass run --base base --data pool.jsonl --budget 6% --out runs/first")]
pub(crate) struct RunArgs {
    /// A config file; flags override it
    #[arg(value_name = "CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Begin with the settings of another trainer's config: an axolotl or LLaMA-Factory YAML, or TRL's arguments
    ///
    /// lobass prints what it takes over, what it leaves out, and what has another effect. Flags override these
    /// settings.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "init"])]
    pub(crate) from: Option<PathBuf>,
    /// Write a commented config file to begin with, and stop
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "lobass.toml", conflicts_with_all = ["config", "base", "data", "out"])]
    pub(crate) init: Option<PathBuf>,
    /// The pretrained model: a checkpoint directory
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<PathBuf>,
    /// An existing reference model; without it one is trained
    #[arg(long, value_name = "MODEL")]
    pub(crate) reference: Option<PathBuf>,
    /// A null model beside `--reference`, of `lobass train --context unconditional`
    #[arg(long, value_name = "MODEL")]
    pub(crate) null: Option<PathBuf>,
    /// The run directory; finished steps in it are not repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The strategies, each of which makes a selection [default: lobass]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) strategy: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) references: ReferenceArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
}
