//! Arguments of `lobass regions`.

use std::path::PathBuf;

use clap::Args;
use lobass::regions::By;

#[derive(Debug, Args)]
#[command(
    after_help = "A region is learned if its loss fell, worse if it rose, and unchanged if the interval includes zero.\n\
    docs/guides/regions.md says how to read the numbers.\n\n\
    Examples:\n  lobass regions --scores scores.parquet --by source length topic\n  \
    lobass regions --scores scores.parquet --by clusters --embeddings vectors.safetensors\n  \
    lobass regions --scores before.parquet --against after.parquet"
)]
pub(crate) struct RegionsArgs {
    /// The score table, with losses under a base and a reference; or several tables of the same rows and base with other
    /// references
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) scores: Vec<PathBuf>,
    /// The data files the tables were made from, if they have moved since
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) data: Vec<PathBuf>,
    /// What regions go by, each alone: `source`, `length`, `n_tokens`, `status`, `fold`, `clusters`, a column of losses
    /// such as `base_nll`, or a field of the data; `field:NAME` is a field in any case
    #[arg(long, value_name = "WHAT", num_args = 1.., default_value = "source", help_heading = "Regions")]
    pub(crate) by: Vec<By>,
    /// Bins of regions by a number, with about as many rows in each
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Regions")]
    pub(crate) bins: u16,
    /// The vectors of the pool that `lobass embed` made, for regions by clusters
    #[arg(long, value_name = "FILE", help_heading = "Regions")]
    pub(crate) embeddings: Option<PathBuf>,
    /// Clusters at most
    #[arg(long, value_name = "N", default_value_t = 20, requires = "embeddings", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Regions")]
    pub(crate) clusters: u16,
    /// Score tables to put beside the first ones: after a repair of the data, or under another base
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Two tables")]
    pub(crate) against: Vec<PathBuf>,
    /// Their data files, if they have moved since
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "against", help_heading = "Two tables")]
    pub(crate) against_data: Vec<PathBuf>,
    /// Measure tokens of format (JSON syntax, code fences, markdown, tags, role markers) apart from tokens of content;
    /// the tables need losses of tokens
    #[arg(long, requires = "base", help_heading = "Tokens of format")]
    pub(crate) format_tokens: bool,
    /// The base of the tables, whose tokenizer cuts the text; its weights are not read
    #[arg(long, value_name = "MODEL", requires = "format_tokens", help_heading = "Tokens of format")]
    pub(crate) base: Option<PathBuf>,
    /// The chat template, if it is no longer where the table says
    #[arg(long, value_name = "TEMPLATE", requires = "format_tokens", help_heading = "Tokens of format")]
    pub(crate) chat_template: Option<String>,
    #[command(flatten)]
    pub(crate) intervals: IntervalArgs,
    /// The number of rows that are shown of each end of each region; with 0, the data is not read for them
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=20))]
    pub(crate) examples: u16,
}

/// How intervals are made, and what they say.
#[derive(Debug, Args)]
#[command(next_help_heading = "Intervals")]
pub(crate) struct IntervalArgs {
    /// The share of resamples within an interval
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    level: f64,
    /// How often rows and references are drawn
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    resamples: u32,
    /// The seed of the draws, of clusters, and of the order of equal rows
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// The smallest drop or rise that counts, in nats per token
    #[arg(long, value_name = "NATS", default_value_t = 0.0, allow_negative_numbers = true)]
    margin: f64,
    /// Regions with fewer rows get no interval and no verdict
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..))]
    min_rows: u32,
}

impl RegionsArgs {
    pub(crate) fn settings(&self, threads: usize) -> lobass_regions::Settings {
        let IntervalArgs { level, resamples, seed, margin, min_rows } = self.intervals;
        lobass_regions::Settings {
            bootstrap: lobass_evidence::Bootstrap { n_resamples: resamples, level, seed },
            min_rows: min_rows as usize,
            margin,
            n_shown: self.examples.into(),
            threads,
        }
    }
}
