//! Arguments of the checks of text.

use std::path::PathBuf;

use clap::Args;
use lobass_text::Rules;

use super::DataArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lobass quality --data pool.jsonl\n  \
    lobass quality --data pool.jsonl --rules default,-placeholder,+truncated --out findings.jsonl\n  \
    lobass quality --list")]
pub(crate) struct QualityArgs {
    /// Which rules: names and commas, `default`, `all`, `+NAME`, `-NAME`, `NAME=THRESHOLD` [default: default]
    ///
    /// Names alone select just those rules; `+` and `-` change the list before them, or the default list.
    #[arg(long, value_name = "RULES", allow_hyphen_values = true, value_parser = |text: &str| text.parse::<Rules>())]
    pub(crate) rules: Option<Rules>,
    /// Write every row on which a rule fires, and what it found: JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Examples to show of each rule
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) examples: usize,
    /// List the rules, their thresholds, and where they come from, and stop
    #[arg(long, conflicts_with_all = ["out", "data"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lobass near-duplicates --data pool.jsonl --jaccard 0.7 --out groups.jsonl"
)]
pub(crate) struct NearDuplicatesArgs {
    /// The least Jaccard similarity of near duplicates, on three-word shingles, from 0.1 to 1
    #[arg(long, value_name = "SIMILARITY", default_value_t = 0.8)]
    pub(crate) jaccard: f64,
    /// The seed of the hash functions; another one misses other pairs, if it misses any
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write every group of several rows: JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
}
