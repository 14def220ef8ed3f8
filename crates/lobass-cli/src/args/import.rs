//! `lobass import`, and `lobass encode` for what it imports.

use std::path::PathBuf;

use clap::Args;

use super::{DataArgs, EncodeArgs};

/// Arguments of `lobass encode`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lobass encode --base org/model --data pool.jsonl --out tokens.jsonl")]
pub(crate) struct TokensArgs {
    /// The model whose tokenizer and chat template are used; no weights are read
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// The file to write: JSON lines of `row`, `key`, `input_ids`, and `labels`
    ///
    /// A label is the id of a scored token, and -100 for other tokens. A pair has two lines, with `side` `chosen` and
    /// `rejected`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    /// The time that the chat template sees, if it asks for one [default: now]
    #[arg(long, value_name = "TIME", help_heading = "Sequences")]
    pub(crate) template_time: Option<String>,
}

/// Arguments of `lobass import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass import --base org/model --data pool.jsonl --program vllm --program-version 0.11.0 \\\n    \
    --base-losses base.jsonl --reference-losses tuned.jsonl --reference-name my-tuned --out scores.parquet\n  \
    lobass import --base org/model --data pool.jsonl --program my-script --base-losses sums.parquet \\\n    \
    --reference-losses sums.parquet --reference-name my-tuned --out scores.parquet")]
pub(crate) struct ImportArgs {
    /// The model whose tokenizer and chat template are used; no weights are read
    #[arg(long, value_name = "MODEL", help_heading = "Losses and table")]
    pub(crate) base: PathBuf,
    /// The losses under the base: JSON lines, or Parquet with sums
    ///
    /// Each line names a row by `row` (from 0) or `key`. It has a summed loss in nats, `nll` or `base_nll`, with `n_scored`;
    /// or vLLM's `prompt_logprobs`; or `input_ids` with `logprobs`.
    #[arg(long, value_name = "FILE", help_heading = "Losses and table")]
    pub(crate) base_losses: PathBuf,
    /// The losses under the fine-tuned model, in the same form; can be the same file, with `base_nll` and `reference_nll`
    #[arg(long, value_name = "FILE", requires = "reference_name", help_heading = "Losses and table")]
    pub(crate) reference_losses: Option<PathBuf>,
    /// The score table to write: Parquet, or JSON lines if the name ends in `.jsonl`
    #[arg(long, value_name = "FILE", help_heading = "Losses and table")]
    pub(crate) out: PathBuf,
    /// Store the loss of every scored token as well (Parquet only; needs log-probabilities)
    #[arg(long, help_heading = "Losses and table")]
    pub(crate) per_token: bool,
    /// The program that computed the losses, such as `vllm`
    #[arg(long, value_name = "NAME", help_heading = "Origin of the losses")]
    pub(crate) program: String,
    /// The version of that program
    #[arg(long, value_name = "VERSION", help_heading = "Origin of the losses")]
    pub(crate) program_version: Option<String>,
    /// The number format that the models ran in, such as `bfloat16`
    #[arg(long, value_name = "DTYPE", help_heading = "Origin of the losses")]
    pub(crate) losses_dtype: Option<String>,
    /// The name of the base [default: that of `--base`]
    #[arg(long, value_name = "NAME", help_heading = "Origin of the losses")]
    pub(crate) base_name: Option<String>,
    /// The name of the fine-tuned model
    #[arg(long, value_name = "NAME", requires = "reference_losses", help_heading = "Origin of the losses")]
    pub(crate) reference_name: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    /// The time that the chat template saw, if it asks for one; `lobass encode` prints it
    #[arg(long, value_name = "TIME", help_heading = "Sequences")]
    pub(crate) template_time: Option<String>,
    /// Worker threads that tokenize rows [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
}
