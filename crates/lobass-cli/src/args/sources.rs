//! Arguments of `lobass sources`.

use std::path::PathBuf;

use clap::Args;
use lobass::settings::Prior;

#[derive(Debug, Args)]
#[command(
    after_help = "The law of adaptive data optimization says which sources were still being learned. A score table adds\n\
    what was learned. docs/guides/sources.md says how to read the numbers.\n\n\
    Examples:\n  lobass sources --metrics reference/metrics.jsonl\n  \
    lobass sources --metrics runs/first/reference --scores runs/first/scores.parquet"
)]
pub(crate) struct SourcesArgs {
    /// The metrics of a training: `metrics.jsonl`, or the directory of the reference
    #[arg(long, value_name = "PATH")]
    pub(crate) metrics: PathBuf,
    /// A score table of the same pool, for the share of its loss that each source shed
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: Option<PathBuf>,
    /// The shares that ADO would start from: `rows`, `tokens`, `even`, or weights as in `alpaca=1,gsm8k=3`
    #[arg(long, value_name = "SHARES", default_value_t = Prior::Rows)]
    pub(crate) prior: Prior,
    /// The smallest loss that a law tends to, in nats per token [default: none; ADO's program has 1.65]
    #[arg(long, value_name = "NATS")]
    pub(crate) floor: Option<f64>,
    /// The number of curves drawn for intervals; 0 computes none
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) bootstrap: usize,
    /// The seed of these curves
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) seed: u64,
}
