//! How the sources of a training are mixed.

use clap::Args;
use lobass::settings::{MixingPolicy, Prior, TrainSettings};

use super::described;

const POLICIES: [(&str, &str); 3] = [
    ("ado", "Shares that follow where the loss falls (adaptive data optimization)"),
    ("even", "The same share for each source"),
    ("rows", "Shares by rows"),
];

/// How the sources of a training are mixed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mixing of sources")]
pub(crate) struct MixingArgs {
    /// Draw batches by shares of sources, which are the files of the pool [default: every row once per epoch]
    #[arg(long, value_name = "POLICY", value_parser = described::<MixingPolicy>(&POLICIES))]
    mixing: Option<MixingPolicy>,
    /// The shares that `ado` starts from: `rows`, `tokens`, `even`, or weights as in `alpaca=1,gsm8k=3` [default:
    /// rows]
    #[arg(long, value_name = "SHARES")]
    prior: Option<Prior>,
    /// The most passes over a source; the others then take its share [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    mixing_max_passes: Option<u32>,
    /// The smallest loss that `ado` lets the loss of a source tend to, in nats per token [default: none]
    #[arg(long, value_name = "NATS")]
    mixing_floor: Option<f64>,
}

impl MixingArgs {
    pub(crate) fn apply(&self, train: &mut TrainSettings) {
        train.mixing = self.mixing.or(train.mixing);
        train.prior = self.prior.clone().or(train.prior.take());
        train.mixing_max_passes = self.mixing_max_passes.or(train.mixing_max_passes);
        train.mixing_floor = self.mixing_floor.or(train.mixing_floor);
    }
}
