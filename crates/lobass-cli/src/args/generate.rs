//! Arguments for samples.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::SamplingSettings;
use lobass_run::Location;

use super::part::PartArgs;
use super::{ComputeArgs, DataArgs, EncodeArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lobass generate --model tuned --data pool.jsonl --samples 4 --out samples.parquet\n  \
    lobass generate --model tuned --data pool.jsonl --out samples.parquet --pairs pairs.jsonl\n  \
    lobass generate --base base --model adapter --data pool.jsonl --temperature 0 --out greedy.parquet"
)]
pub(crate) struct GenerateArgs {
    /// The model that draws samples: a checkpoint directory, or a hub id; with `--base` also an adapter
    #[arg(long, value_name = "MODEL", help_heading = "Models and output")]
    pub(crate) model: PathBuf,
    /// The base: samples also get their losses under it, as `base_nll`
    #[arg(long, value_name = "MODEL", help_heading = "Models and output")]
    pub(crate) base: Option<PathBuf>,
    /// A fine-tuned model: samples also get their losses under it, as `reference_nll`
    #[arg(long, value_name = "MODEL", help_heading = "Models and output")]
    pub(crate) reference: Option<PathBuf>,
    /// The file to write: Parquet with a row for each sample
    ///
    /// Samples are kept in `FILE.work` until it is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE", help_heading = "Models and output")]
    pub(crate) out: PathBuf,
    /// Also write pairs of each row's response and a sample, as prompt, chosen, and rejected: what `lobass train
    /// --objective dpo` and TRL read
    #[arg(long, value_name = "FILE", help_heading = "Models and output")]
    pub(crate) pairs: Option<PathBuf>,
    /// Keep samples in this directory or object store
    #[arg(long, value_name = "PLACE", help_heading = "Models and output")]
    pub(crate) work: Option<Location>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// How samples are drawn.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// Samples of each prompt [default: 1]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    samples: Option<u32>,
    /// What logits are divided by; 0 takes the most likely token every time [default: 1]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Draw from the most likely tokens that together have this probability [default: 1]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// The most tokens of a sample [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_new_tokens: Option<u32>,
    /// The seed of all draws [default: 0]
    #[arg(long = "seed", value_name = "N")]
    seed: Option<u64>,
}

impl SamplingArgs {
    pub(crate) fn settings(&self) -> SamplingSettings {
        let default = SamplingSettings::default();
        SamplingSettings {
            samples: self.samples.unwrap_or(default.samples),
            temperature: self.temperature.unwrap_or(default.temperature),
            top_p: self.top_p.unwrap_or(default.top_p),
            max_new_tokens: self.max_new_tokens.unwrap_or(default.max_new_tokens),
            seed: self.seed.unwrap_or(default.seed),
        }
    }
}
