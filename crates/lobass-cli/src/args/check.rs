//! Arguments of `lobass check`.

use std::path::PathBuf;

use clap::Args;
use lobass_check::CheckName;

use super::{DataArgs, EncodeArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 1 means that something needs a look. docs/guides/check.md describes each check.\n\n\
    Examples:\n  lobass check --data pool.jsonl\n  \
    lobass check --data pool.jsonl --base org/name --eval gsm8k_test.jsonl\n  \
    lobass check --data pool.jsonl --skip near-duplicates --format json\n  lobass check --list"
)]
pub(crate) struct CheckArgs {
    /// The model whose tokenizer and chat template are used; its weights are not read
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: Option<PathBuf>,
    /// Evaluation files, whose rows are searched in the data
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1..)]
    pub(crate) eval: Vec<String>,
    /// Checks that are switched off, by name
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = |text: &str| text.parse::<CheckName>())]
    pub(crate) skip: Vec<CheckName>,
    /// Rows to show of each finding
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) examples: usize,
    /// List the checks, their thresholds, and where they come from, and stop
    #[arg(long, conflicts_with_all = ["data", "eval", "base"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
}
