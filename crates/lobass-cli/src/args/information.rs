//! Arguments of `lobass information`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "The table has losses under a reference and a null model: `lobass score --null`, or `lobass run --with-null`.\n\
    docs/guides/information.md says how to read the numbers.\n\n\
    Examples:\n  lobass information --scores runs/first/scores.parquet --by source\n  \
    lobass information --scores plain.parquet --transformed shuffled.parquet"
)]
pub(crate) struct InformationArgs {
    /// The score table; several are trainings of other seeds on the same rows
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) scores: Vec<PathBuf>,
    /// Tables of the same rows after `--transform`: the information that the transform costs is measured
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) transformed: Vec<PathBuf>,
    /// Measure each part of the rows, too
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Option<InformationBy>,
    /// Measure rows that the models were trained on; their information is too large, and is marked as in sample
    #[arg(long)]
    pub(crate) in_sample: bool,
    /// The number of rows with negative information to name
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) show: usize,
    /// Write all rows with negative information, the lowest first: Parquet, or JSON lines if the name ends in `.jsonl`
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// Resamples of the bootstrap intervals
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(crate) resamples: u32,
    /// The seed of the bootstrap
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads that read the tables [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

/// The parts that rows are measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InformationBy {
    /// The source of each row
    Source,
}
