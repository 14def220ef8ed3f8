//! Arguments of `lobass leakage`.

use std::path::PathBuf;

use clap::Args;
use lobass::leakage::Format;

use super::ComputeArgs;

#[derive(Debug, Args)]
#[command(
    after_help = "A model that was trained on a benchmark prefers its questions with the options in the original order.\n\
    docs/guides/leakage.md says how to read the numbers.\n\n\
    Examples:\n  lobass leakage --base org/name --data mmlu/test.parquet --out leakage.jsonl\n  \
    lobass leakage --base base --reference tuned --data exam.jsonl --control new.jsonl"
)]
pub(crate) struct LeakageArgs {
    /// The model: a checkpoint directory, or a hub id
    #[arg(long, value_name = "MODEL", visible_alias = "model")]
    pub(crate) base: PathBuf,
    /// The same model after fine-tuning: a checkpoint or an adapter; it is compared with the base, question by question
    #[arg(long, value_name = "MODEL", visible_alias = "adapter")]
    pub(crate) reference: Option<PathBuf>,
    /// Files of multiple-choice questions: JSON, JSON lines, CSV with a header, Parquet, or Arrow
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Files of questions that the models have certainly not seen, for comparison
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) control: Vec<PathBuf>,
    /// The columns of a question: `paper`, `mmlu`, `letters`, `hellaswag`, or `question=COLUMN,options=A+B+C`; `mmlu-csv`
    /// are the CSV files of MMLU, which have no column names [default: by the columns of each row]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) benchmark: Option<Format>,
    /// The most orders of a question; the original one is always among them [default: all orders of up to 5 options;
    /// questions with more options are not tested]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) orders: Option<u32>,
    /// The seed of the orders that are drawn
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
    /// The file to write: the numbers of each question, as JSON lines
    ///
    /// Scores are kept in `FILE.work` until it is complete; the same command continues an interrupted run.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
