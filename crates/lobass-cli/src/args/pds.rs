//! Rows whose weight in a short training would lower a target's loss.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::Method;
use lobass_influence::pds::{Curvature, Probe, RowLoss};

use super::part::PartArgs;
use super::recipe::{LoraArgs, METHODS};
use super::{ComputeArgs, DataArgs, EncodeArgs, described};

const CURVATURES: [(&str, &str); 2] = [
    ("exact", "With products of the batches' Hessians, as PDS: two gradients of each batch more"),
    ("none", "Without: a good approximation while steps times learning rate times curvature is small"),
];
const ROW_LOSSES: [(&str, &str); 2] = [
    ("mean", "The mean over a row's scored tokens, as in PDS"),
    ("sum", "The sum over them, divided by the mean number of scored tokens: long rows weigh more"),
];

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    lobass pds --base base --data pool.jsonl --target sums=sums.jsonl --method lora --learning-rate 0.02 --out pds.parquet\n  \
    lobass select --scores scores.parquet --strategy quality --ratings pds.parquet --budget 10% --out kept.jsonl")]
pub(crate) struct PdsArgs {
    /// The checkpoint that the training starts from
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// Rows of a target task, in the same formats as the pool
    ///
    /// The target's loss is the mean of the tasks' losses. Several files of one NAME are one task.
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1.., required = true)]
    pub(crate) target: Vec<String>,
    /// The file of scores to write: Parquet, or JSON lines if the name ends in `.jsonl`
    ///
    /// Weights and losses are kept in `FILE.work` until it is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Keep rows, weights, and losses in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    /// Steps of plain gradient descent
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Training")]
    pub(crate) steps: usize,
    /// The learning rate of every step; times the curvature of the loss it has to be below 2
    #[arg(long, value_name = "RATE", default_value_t = 0.008, help_heading = "Training")]
    pub(crate) learning_rate: f64,
    /// Rows of a step
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = "Training")]
    pub(crate) batch_size: usize,
    /// Which weights are trained [default: full]
    #[arg(long, value_name = "METHOD", value_parser = described::<Method>(&METHODS), help_heading = "Training")]
    pub(crate) method: Option<Method>,
    /// The seed of the order of rows, and of a new adapter
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Training")]
    pub(crate) train_seed: u64,
    /// Score the rows of the pool at every so many steps
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Scores")]
    pub(crate) every: usize,
    /// The second-order term of the co-state
    #[arg(long, value_name = "TERM", default_value = "exact", value_parser = described::<Curvature>(&CURVATURES), help_heading = "Scores")]
    pub(crate) curvature: Curvature,
    /// The loss of a row
    #[arg(long, value_name = "LOSS", default_value = "mean", value_parser = described::<RowLoss>(&ROW_LOSSES), help_heading = "Scores")]
    pub(crate) row_loss: RowLoss,
    /// How far from the weights losses are taken on both sides, as a share of the norm of the weights
    #[arg(long, value_name = "SHARE", default_value_t = Probe::ROWS, help_heading = "Scores")]
    pub(crate) radius: f64,
    #[command(flatten)]
    pub(crate) lora: LoraArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
