//! Arguments of `lobass compare --pairs`.

use anyhow::ensure;
use clap::Args;
use lobass::comparison::PairArms;

use super::given::given;

#[derive(Debug, Args)]
#[command(next_help_heading = "Pairs")]
pub(crate) struct PairArgs {
    /// Compare pools of preference pairs: by nested shares, or with `--strategy` by selections
    ///
    /// Models are trained with `--objective dpo` or `davir-dpo`. They are measured on held-out pairs: which response
    /// they prefer, by how much, and how far that goes with length.
    #[arg(long)]
    pub(crate) pairs: bool,
    /// The shares of the pairs to train on, in percent; smaller ones are inside larger ones [default: 20,40,60,80,100]
    #[arg(long, value_name = "PERCENT,..", value_delimiter = ',', value_parser = share, requires = "pairs", conflicts_with = "strategy")]
    shares: Vec<f64>,
    /// Compare shares of the pairs of each source too, beside those of all sources together
    #[arg(long, requires = "pairs", conflicts_with = "strategy")]
    by_source: bool,
    /// The share of each source's prompts to hold out, in percent, if `--eval` names no files [default: 10]
    #[arg(long, value_name = "PERCENT", value_parser = share, requires = "pairs", conflicts_with = "eval")]
    eval_share: Option<f64>,
    /// Steps of every training at equal steps [default: as many as all pairs, or the budget, take over the epochs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "pairs")]
    pub(crate) steps: Option<u64>,
    /// Cross-fit the margins that strategies read: each pair is judged by a model that was trained on the other folds
    /// [default: by a model that was trained on all pairs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), requires = "pairs", requires = "strategy")]
    folds: Option<u32>,
}

/// The shares that are compared by default.
const SHARES: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];
/// The share of prompts that is held out by default.
const EVAL_SHARE: f64 = 0.1;

impl PairArgs {
    /// Refuses flags that have no effect beside the others. clap lets `requires` pass if another flag excludes what is
    /// required, as `--scores` excludes `--pairs`.
    pub(crate) fn check(&self, strategies: &[String]) -> anyhow::Result<()> {
        let of_pairs = [
            ("--shares", !self.shares.is_empty()),
            ("--by-source", self.by_source),
            ("--eval-share", self.eval_share.is_some()),
            ("--steps", self.steps.is_some()),
            ("--folds", self.folds.is_some()),
        ];
        let given = given(&of_pairs);
        let need = if given.len() == 1 { "needs" } else { "need" };
        ensure!(self.pairs || given.is_empty(), "{} {need} `--pairs`", given.join(", "));
        ensure!(
            self.folds.is_none() || !strategies.is_empty(),
            "`--folds` cross-fits the margins that strategies read: expected `--strategy`, found none"
        );
        Ok(())
    }

    /// What is compared; `strategies` is empty for shares.
    pub(crate) fn arms(&self, strategies: &[String]) -> PairArms {
        if !strategies.is_empty() {
            return PairArms::Strategies { names: strategies.to_vec(), folds: self.folds };
        }
        let shares = if self.shares.is_empty() { SHARES.to_vec() } else { self.shares.clone() };
        PairArms::Shares { shares, by_source: self.by_source }
    }

    pub(crate) fn eval_share(&self) -> f64 {
        self.eval_share.unwrap_or(EVAL_SHARE)
    }
}

/// A share in percent, with or without the sign.
fn share(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.trim_end_matches('%').trim_end().parse().ok();
    match percent.filter(|percent| *percent > 0.0 && *percent <= 100.0) {
        Some(percent) => Ok(percent / 100.0),
        None => Err(format!("expected a share in percent, above 0 and at most 100, found `{text}`")),
    }
}
