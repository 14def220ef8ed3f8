//! Arguments of `lobass report`.

use std::path::PathBuf;

use clap::Args;
use lobass::regions::By;

use super::{ComputeArgs, SelectionArgs};

#[derive(Debug, Args)]
#[command(after_help = "Without `--budget`, 10% is kept. Examples:\n  \
    lobass report --scores scores.parquet --out report.html\n  \
    lobass report --scores scores.parquet --strategy lobass random --budget 6% --base base --reference tuned --out report.html")]
pub(crate) struct ReportArgs {
    /// The score table
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: PathBuf,
    /// The data files the table was made from, if they have moved since
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) data: Vec<PathBuf>,
    /// The page to write
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) out: PathBuf,
    /// The strategies to show [default: lobass, gap, perplexity-high, longest, and random, as far as the table has
    /// their numbers]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) strategy: Vec<String>,
    /// The number of best rows, of worst rows, and of rows around the border to show for each strategy
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(..=20))]
    pub(crate) examples: u16,
    /// Also show what fine-tuning taught in each region: learned, unchanged, or worse
    ///
    /// Regions go by what `lobass regions --by` takes: `source` [without a word], `length`, a field of the data, and so
    /// on; `clusters` needs `--embeddings`. With `--base` and a table with `--per-token`, tokens of format are measured
    /// apart.
    #[arg(long, value_name = "WHAT", num_args = 0.., default_missing_value = "source", help_heading = "Regions")]
    pub(crate) regions: Vec<By>,
    /// Score tables whose regions are put beside: after a repair of the data, or under another base
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "regions", help_heading = "Regions")]
    pub(crate) against: Vec<PathBuf>,
    /// The base model, for the loss of each token of the examples; for a table with `--per-token` only its tokenizer
    /// is read
    #[arg(long, value_name = "DIR", help_heading = "Losses of tokens")]
    pub(crate) base: Option<PathBuf>,
    /// The reference, or several, if the table does not have the losses of tokens
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "base", help_heading = "Losses of tokens")]
    pub(crate) reference: Vec<PathBuf>,
    /// A LoRA adapter of the base instead
    #[arg(
        long,
        value_name = "DIR",
        requires = "base",
        conflicts_with = "reference",
        help_heading = "Losses of tokens"
    )]
    pub(crate) adapter: Option<PathBuf>,
    /// The chat template, if it is no longer where the table says
    #[arg(long, value_name = "TEMPLATE", requires = "base", help_heading = "Losses of tokens")]
    pub(crate) chat_template: Option<String>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
