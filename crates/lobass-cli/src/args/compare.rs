//! Arguments of `lobass compare`.

use std::path::PathBuf;

use anyhow::bail;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use lobass::comparison::Baseline;
use lobass::settings::{MatchedTokens, OverlapPolicy};
use lobass_core::Budget;
use lobass_evidence::Matching;
use lobass_evidence::pairs::PairMatching;

use super::{ComputeArgs, EncodeArgs, PairArgs, ReadingArgs, SelectionArgs, described, recipe::TrainingArgs};

const POLICIES: [(&str, &str); 2] =
    [("drop", "Leave them out of what is measured on, and count them"), ("refuse", "Stop if there is one")];

const BASELINES: [&str; 3] = ["random", "full", "zero-shot"];
const NO_BASELINE: &str = "none";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass compare --scores scores.parquet --base base --strategy lobass gap-sum longest --budget 6% \
    --eval held-out.jsonl --out compared\n  \
    lobass compare --scores scores.parquet --base base --strategy lobass --budget 6% --eval-rows --match epochs \
    --seeds 5 --out compared\n  \
    lobass compare --pairs --base sft --data A=a.jsonl B=b.jsonl --objective dpo --shares 20,40,60,80,100 --by-source \
    --eval held-out.jsonl --out curves\n  \
    lobass compare --pairs --base sft --data pairs.jsonl --objective dpo --strategy reward-margin reward-margin:low \
    reward-margin:middle longest --budget 10% --folds 2 --out selections\n\n\
    Every training is one unit. After a kill the same command continues, and with more strategies or seeds \
    it adds those.")]
pub(crate) struct CompareArgs {
    /// The score table to select by
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "pairs",
        conflicts_with = "pairs",
        help_heading = "Table and base"
    )]
    pub(crate) scores: Option<PathBuf>,
    /// The model that all training starts from: a checkpoint directory, or a hub id
    #[arg(long, value_name = "MODEL", help_heading = "Table and base")]
    pub(crate) base: PathBuf,
    /// The data files the table was made from, if they have moved since; with `--pairs`, the pairs, where each
    /// `NAME=FILE` is a source
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1.., help_heading = "Table and base")]
    pub(crate) data: Vec<String>,
    /// The strategies to compare
    ///
    /// With `--pairs`, strategies that read lengths or the losses of pairs: `NAME`, or `NAME:low`, `NAME:middle`,
    /// `NAME:high` for an end of the score.
    #[arg(long, value_name = "NAME", num_args = 1.., required_unless_present_any = ["baselines", "pairs"], help_heading = "Comparison")]
    pub(crate) strategy: Vec<String>,
    /// What the strategies are compared with: random rows, all rows, and the untrained base; or `none`
    #[arg(long, value_name = "NAME", num_args = 1.., default_values = BASELINES, value_parser = PossibleValuesParser::new(BASELINES.into_iter().chain([NO_BASELINE])), conflicts_with = "pairs", help_heading = "Comparison")]
    pub(crate) baselines: Vec<String>,
    /// Held-out files to measure on; each is one source in the report
    #[arg(long, value_name = "[NAME=]FILE", num_args = 1.., required_unless_present_any = ["eval_rows", "pairs"], conflicts_with = "eval_rows", help_heading = "Held-out examples")]
    pub(crate) eval: Vec<String>,
    /// Measure on the rows of the table that were held out of the reference's training
    #[arg(long, conflicts_with = "pairs", help_heading = "Held-out examples")]
    pub(crate) eval_rows: bool,
    /// What to do with held-out examples that the pool contains: with the same prompt, or nearly the same text
    #[arg(long, value_name = "POLICY", default_value = "drop", value_parser = described::<OverlapPolicy>(&POLICIES), help_heading = "Held-out examples")]
    pub(crate) overlap: OverlapPolicy,
    /// The column of held-out rows with a list of wrong responses, to measure how often the right one is the most likely
    #[arg(long, value_name = "COLUMN", conflicts_with = "pairs", help_heading = "Held-out examples")]
    pub(crate) wrong_responses: Option<String>,
    /// Let every model answer the held-out prompts, and find its answer: `gsm8k`, or a regular expression, of whose last
    /// match the first group counts, or all of it
    #[arg(long, value_name = "PATTERN", conflicts_with = "pairs", help_heading = "Held-out examples")]
    pub(crate) answers: Option<String>,
    /// Answers that are drawn for each prompt, beside the most likely one
    #[arg(
        long,
        value_name = "K",
        default_value_t = 0,
        requires = "answers",
        conflicts_with = "pairs",
        help_heading = "Held-out examples"
    )]
    pub(crate) answer_samples: u32,
    /// The most tokens of an answer
    #[arg(long, value_name = "N", default_value_t = 256, requires = "answers", conflicts_with = "pairs", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Held-out examples")]
    pub(crate) answer_tokens: u32,
    /// The number of seeds of ties, random subsets, and training
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Comparison")]
    pub(crate) seeds: u16,
    /// How trainings are made comparable; several are done in turn [default: both, or with `--pairs` epochs]
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', help_heading = "Comparison")]
    pub(crate) r#match: Vec<MatchWord>,
    /// Tokens of every training at equal tokens, as in `2Mtok`, or `full`: as many as all rows have over the epochs
    /// [default: as many as a random subset of the budget has over the epochs; without a budget, `full`]
    #[arg(long, value_name = "TOKENS", value_parser = check_tokens, help_heading = "Comparison")]
    pub(crate) tokens: Option<MatchedTokens>,
    /// Resamples of held-out examples and seeds, for the intervals
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..), help_heading = "Comparison")]
    pub(crate) resamples: u32,
    /// The run directory; finished trainings in it are not repeated
    #[arg(long, value_name = "DIR", help_heading = "Comparison")]
    pub(crate) out: PathBuf,
    /// Train on several devices at once, each in a separate process, as in `cuda:0,cuda:1` or `cpu,cpu`
    ///
    /// If one of them dies the others continue, and the exit code is 75; the same command does what is left.
    #[arg(
        long,
        value_name = "DEVICES",
        value_delimiter = ',',
        conflicts_with = "device",
        help_heading = "Compute"
    )]
    pub(crate) devices: Vec<String>,
    /// Train what is asked for on standard input, on this device: what `--devices` starts
    #[arg(long, value_name = "DEVICE", hide = true)]
    pub(crate) trial_worker: Option<String>,
    /// Threads of that
    #[arg(long, value_name = "N", hide = true, requires = "trial_worker")]
    pub(crate) trial_threads: Option<usize>,
    #[command(flatten)]
    pub(crate) pairs: PairArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// How trainings are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatchWord {
    /// Equal numbers of tokens: small subsets are repeated
    Tokens,
    /// Equal numbers of passes over each subset
    Epochs,
    /// Tokens and epochs, one after the other
    Both,
    /// With `--pairs`: equal numbers of optimizer steps
    Steps,
    /// With `--pairs --by-source`: equal numbers of pairs of each source, a share of the smallest one
    Pairs,
}

impl CompareArgs {
    /// What the strategies are compared with.
    pub(crate) fn baselines(&self) -> anyhow::Result<Vec<Baseline>> {
        if self.baselines == [NO_BASELINE] {
            return Ok(Vec::new());
        }
        if self.baselines.iter().any(|name| name == NO_BASELINE) {
            bail!(
                "`--baselines`: expected `none` alone or names without it, found `{}`",
                self.baselines.join(" ")
            );
        }
        self.baselines.iter().map(|name| name.parse().map_err(anyhow::Error::msg)).collect()
    }

    /// The matchings of a comparison of strategies.
    pub(crate) fn matchings(&self) -> anyhow::Result<Vec<Matching>> {
        let has = |word: MatchWord| self.r#match.contains(&word) || self.r#match.contains(&MatchWord::Both);
        if self.r#match.iter().any(|word| matches!(word, MatchWord::Steps | MatchWord::Pairs)) {
            bail!("`--match steps` and `--match pairs` need `--pairs`");
        }
        let is_asked = |matching: &Matching| match matching {
            _ if self.r#match.is_empty() => true,
            Matching::Tokens => has(MatchWord::Tokens),
            Matching::Epochs => has(MatchWord::Epochs),
        };
        Ok(Matching::ALL.into_iter().filter(is_asked).collect())
    }

    /// The matchings of a comparison of pairs.
    pub(crate) fn pair_matchings(&self) -> Vec<PairMatching> {
        let has = |word: MatchWord| self.r#match.contains(&word);
        let is_asked = |matching: &PairMatching| match matching {
            PairMatching::Epochs => self.r#match.is_empty() || has(MatchWord::Epochs) || has(MatchWord::Both),
            PairMatching::Tokens => has(MatchWord::Tokens) || has(MatchWord::Both),
            PairMatching::Steps => has(MatchWord::Steps),
            PairMatching::Pairs => has(MatchWord::Pairs),
        };
        PairMatching::ALL.into_iter().filter(is_asked).collect()
    }
}

fn check_tokens(text: &str) -> Result<MatchedTokens, String> {
    if text == "full" {
        return Ok(MatchedTokens::Full);
    }
    match text.parse::<Budget>().map_err(|error| error.to_string())? {
        Budget::Tokens(tokens) => Ok(MatchedTokens::Count(tokens)),
        _ => Err(format!("expected `full` or a number of tokens such as `2Mtok`, found `{text}`")),
    }
}
