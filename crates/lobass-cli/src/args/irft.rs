//! Arguments for IRFT and SPIN.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lobass::settings::{ObjectiveName, SamplingSettings};

use super::{ComputeArgs, DataArgs, EncodeArgs, RecipeArgs, described};

/// The objectives of a round. Rounds train on pairs, so `sft` is not one of them.
const OBJECTIVES: [(&str, &str); 2] = [
    ("dpo", "Direct preference optimization on pairs"),
    ("davir-dpo", "DPO with log-ratios that are divided by the starting model's log-probability (DavIR)"),
];

#[derive(Debug, Args)]
#[command(
    mut_arg("objective", |objective| objective
        .help("The training objective, of pairs [default: dpo]")
        .value_parser(described::<ObjectiveName>(&OBJECTIVES))),
    mut_arg("beta", |beta| beta.allow_negative_numbers(true)),
    after_help = "Examples:\n  lobass irft --model sft --data pool.jsonl --rounds 5 --out runs/irft\n  \
    lobass irft --model sft --data pool.jsonl --rounds 3 --every-row --with-previous --out runs/spin"
)]
pub(crate) struct IrftArgs {
    /// The model to start from: a checkpoint after supervised fine-tuning
    #[arg(long, value_name = "MODEL", help_heading = "Models and output")]
    pub(crate) model: PathBuf,
    /// The directory of the rounds; each has its answers, its pairs, and its model
    #[arg(long, value_name = "DIR", help_heading = "Models and output")]
    pub(crate) out: PathBuf,
    /// The number of rounds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Rounds")]
    pub(crate) rounds: u32,
    /// The model that margins are measured from
    #[arg(long, value_enum, value_name = "ANCHOR", default_value_t, help_heading = "Rounds")]
    pub(crate) anchor: AnchorArg,
    /// The pretrained model, for `--anchor base`
    #[arg(long, value_name = "MODEL", help_heading = "Rounds")]
    pub(crate) base: Option<PathBuf>,
    /// Take all rows in every round, as SPIN does [default: divide them among the rounds, as IRFT does]
    #[arg(long, help_heading = "Rounds")]
    pub(crate) every_row: bool,
    /// Also train on the pairs of the round before, as SPIN does
    #[arg(long, help_heading = "Rounds")]
    pub(crate) with_previous: bool,
    #[command(flatten)]
    pub(crate) answers: AnswerArgs,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

/// The model that margins are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum AnchorArg {
    /// The model that the round starts from, as in IRFT and SPIN
    #[default]
    Moving,
    /// The pretrained model in every round, which is another algorithm
    Base,
}

/// How answers are drawn.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers")]
pub(crate) struct AnswerArgs {
    /// What logits are divided by; 0 takes the most likely token every time [default: 1]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Draw from the most likely tokens that together have this probability [default: 1]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// The most tokens of an answer [default: 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_new_tokens: Option<u32>,
    /// The seed of the draws of the first round; it counts up with the rounds [default: 0]
    #[arg(long = "seed", value_name = "N")]
    seed: Option<u64>,
}

impl AnswerArgs {
    pub(crate) fn settings(&self) -> SamplingSettings {
        let default = SamplingSettings::default();
        SamplingSettings {
            samples: 1,
            temperature: self.temperature.unwrap_or(default.temperature),
            top_p: self.top_p.unwrap_or(default.top_p),
            max_new_tokens: self.max_new_tokens.unwrap_or(default.max_new_tokens),
            seed: self.seed.unwrap_or(default.seed),
        }
    }
}
