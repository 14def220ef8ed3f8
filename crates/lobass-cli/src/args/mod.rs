//! The arguments of every command.

mod check;
mod compare;
mod compute;
mod data;
mod embed;
mod encode;
mod federate;
mod generate;
mod given;
mod help;
mod import;
mod information;
mod inspect;
mod irft;
mod job;
mod leakage;
mod less;
mod mask;
mod merge;
mod mixing;
mod pages;
mod pairs;
mod part;
mod pds;
mod price;
mod recipe;
mod regions;
mod report;
mod run;
mod score;
mod selection;
mod sets;
mod shape;
mod sources;
mod text;
mod two_words;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use lobass::settings::TrainContext;
use lobass_core::{MemoryLimit, without_secrets};
use lobass_run::Location;

pub(crate) use check::CheckArgs;
pub(crate) use compare::CompareArgs;
pub(crate) use compute::{ComputeArgs, MemoryArgs};
pub(crate) use data::{DataArgs, ReadingArgs};
pub(crate) use embed::{EmbedArgs, VectorArgs};
pub(crate) use encode::EncodeArgs;
pub(crate) use federate::{FederateSelectArgs, FederateTrainArgs};
pub(crate) use generate::GenerateArgs;
pub(crate) use import::{ImportArgs, TokensArgs};
pub(crate) use information::InformationArgs;
pub(crate) use inspect::InspectArgs;
pub(crate) use irft::{AnchorArg, IrftArgs};
pub(crate) use job::JobArgs;
pub(crate) use leakage::LeakageArgs;
pub(crate) use less::LessArgs;
pub(crate) use mask::{MaskArgs, MaskMethod, ScopeArg};
pub(crate) use merge::MergeArgs;
pub(crate) use mixing::MixingArgs;
pub(crate) use pages::{CompletionsArgs, ManArgs};
pub(crate) use pairs::PairArgs;
pub(crate) use pds::PdsArgs;
pub(crate) use price::PriceArgs;
pub(crate) use recipe::{RecipeArgs, ReferenceArgs};
pub(crate) use regions::RegionsArgs;
pub(crate) use report::ReportArgs;
pub(crate) use run::RunArgs;
pub(crate) use score::ScoreArgs;
pub(crate) use selection::SelectionArgs;
pub(crate) use sets::SetArgs;
pub(crate) use shape::ShapeArgs;
pub(crate) use sources::SourcesArgs;
pub(crate) use text::{NearDuplicatesArgs, QualityArgs};
pub(crate) use work::{GcArgs, PendingArgs, SealArgs, StatusArgs, WorkerArgs};

/// Which part of your fine-tuning data can your model learn from?
///
/// lobass scores each example by how much of its loss a model sheds when it is fine-tuned on the whole pool (LoBaSS /
/// DavIR, arXiv 2310.13008), and keeps the best of them.
#[derive(Debug, Parser)]
#[command(
    name = "lobass",
    version,
    arg_required_else_help = true,
    help_expected = true,
    max_term_width = 110
)]
#[command(after_help = "Begin with `lobass demo`, or with your own data:\n  \
    lobass run --base CHECKPOINT --data pool.jsonl --budget 6% --out runs/first\n\n\
    A MODEL is a directory, or `org/name[@revision]` on the Hugging Face hub.\n\n\
    Exit codes:\n  0  done\n  1  done, but something needs a look: unusable rows, a budget that was not reached, findings\n  2  not done\n  \
    75 not done yet; run it again")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole method on a small checkpoint and pool that ship with lobass, in about a minute
    Demo(DemoArgs),
    /// Train a reference, score, and select, in one resumable run directory
    Run(Box<RunArgs>),
    /// Fine-tune a checkpoint on a pool: the reference model
    Train(Box<TrainArgs>),
    /// Simulate federated training: clients train, a server averages, rows stay where they are
    FederateTrain(Box<FederateTrainArgs>),
    /// Compute the loss of every row under one or two models
    Score(Box<ScoreArgs>),
    /// Write the tokens of every row, for another program to compute their losses
    Encode(Box<TokensArgs>),
    /// Make a score table from losses that another program computed
    Import(Box<ImportArgs>),
    /// Make a vector of every row, for selections that compare rows
    Embed(Box<EmbedArgs>),
    /// Score rows by how much training on them helps a target task (LESS)
    Less(Box<LessArgs>),
    /// Draw samples of a model after the prompts of a pool, and pair them with the responses
    Generate(Box<GenerateArgs>),
    /// Train a model to prefer responses over the answers that it gives, round by round (IRFT, SPIN)
    Irft(Box<IrftArgs>),
    /// Score rows by how much more weight in a short training would lower a target's loss (PDS)
    Pds(Box<PdsArgs>),
    /// Cut a pool into units of work, and estimate work, time, and cost
    Plan(Box<PlanArgs>),
    /// Do planned units of work: one part of them, or those requested on standard input
    Worker(Box<WorkerArgs>),
    /// List the planned units that are not done
    Pending(PendingArgs),
    /// Show the progress of planned work
    Status(StatusArgs),
    /// Join finished work into the score table
    Seal(SealArgs),
    /// Delete leftover files of unfinished work
    Gc(GcArgs),
    /// Merge an adapter into its base, or several fine-tuned models into one, as a new checkpoint
    Merge(Box<MergeArgs>),
    /// Keep the best rows of a score table, in the input's own format
    Select(Box<SelectArgs>),
    /// Keep the best rows of several owners under one budget, while only counts leave each owner
    FederateSelect(Box<FederateSelectArgs>),
    /// Choose which tokens of each response to train on, and write them as labels
    Mask(MaskArgs),
    /// Train on the selections of several strategies, and measure which helps most
    Compare(Box<CompareArgs>),
    /// Show a score table and the selections of several strategies, as an HTML page
    Report(Box<ReportArgs>),
    /// Measure what fine-tuning taught in each region of the data: learned, unchanged, or worse
    Regions(Box<RegionsArgs>),
    /// Show one example as a model sees it
    Inspect(Box<InspectArgs>),
    /// Measure how much prompts tell about responses, in bits (V-information)
    Information(Box<InformationArgs>),
    /// Test whether a model has seen the questions of a benchmark
    Leakage(Box<LeakageArgs>),
    /// Show which sources of a pool were still being learned, from the losses of a training
    Sources(SourcesArgs),
    /// Check data before training
    Check(Box<CheckArgs>),
    /// Find rows that repeat themselves, refuse, or contain artifacts, by named rules
    Quality(Box<QualityArgs>),
    /// Find groups of rows that say nearly the same
    NearDuplicates(Box<NearDuplicatesArgs>),
    /// List the selection strategies
    Strategies,
    /// List devices and test each one
    Doctor,
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
    /// Print every command and flag as Markdown
    #[command(hide = true)]
    Markdown,
    /// Compute a little on a device, and exit with 0 if it can
    #[command(hide = true, name = lobass::device::TRY)]
    TryDevice(TryDeviceArgs),
}

impl Cli {
    /// Reads a command line, which begins with the program's name.
    ///
    /// # Errors
    /// The error of clap for arguments that make no command, with a tip for frequent mistakes.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments = two_words::joined(arguments.into_iter().collect());
        // A number below zero is a value that is out of range, and no unknown flag.
        let command = Self::command().mut_subcommands(|command| command.allow_negative_numbers(true));
        let mut command = help::with_common_flags(command);
        let matches = command.try_get_matches_from_mut(arguments);
        let mut matches = matches.map_err(|error| without_passwords(with_tip(error)))?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// Hides the password of an address that was typed.
fn without_passwords(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg] {
        if let Some(ContextValue::String(typed)) = error.get(kind) {
            let shown = without_secrets(typed).into_owned();
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}

/// Adds a tip to an error where what was meant is known.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(found)) = error.get(ContextKind::InvalidArg) else { return error };
    if error.kind() == ErrorKind::UnknownArgument && found == "%" {
        let tip = "a budget is one word, as in `--budget 6%`".to_owned().into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

impl Command {
    /// Whether the same command continues after an interruption.
    pub(crate) fn can_be_taken_up(&self) -> bool {
        match self {
            Self::Compare(args) => args.trial_worker.is_none(),
            Self::Leakage(args) => args.out.is_some(),
            Self::Demo(_)
            | Self::Run(_)
            | Self::Train(_)
            | Self::Score(_)
            | Self::Embed(_)
            | Self::Generate(_)
            | Self::Irft(_)
            | Self::Less(_)
            | Self::Pds(_)
            | Self::FederateTrain(_) => true,
            _ => false,
        }
    }
}

/// How a command speaks.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Format of the result on standard output
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: OutputFormat,
    /// Print nothing but the result, notes, and errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct TryDeviceArgs {
    /// The device
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The run directory; running the demo again continues it
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    pub(crate) out: PathBuf,
    /// How much to keep
    #[arg(long, value_name = "BUDGET", default_value = "10%")]
    pub(crate) budget: String,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lobass plan --base base --data pool.jsonl --explain\n  \
    lobass plan --base base --data pool.jsonl --explain --measure --devices 8 --price 2.5")]
pub(crate) struct PlanArgs {
    /// The model whose tokenizer and chat template are used; its weights are read for a job and by `--measure`
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// Count the computation for the losses of one model, and what is saved
    #[arg(long)]
    pub(crate) explain: bool,
    /// Keep the plan and the tokenized rows in this directory or object store
    ///
    /// `lobass score --work` continues there. With a job, workers on any number of machines do the work.
    #[arg(long, value_name = "PLACE")]
    pub(crate) work: Option<Location>,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) price: PriceArgs,
    /// Worker threads; each has separate batches, and computes shared prefixes for them [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Compute")]
    pub(crate) threads: Option<u16>,
    /// Measure within this memory, as in `4GiB`, with the layers of a model that does not fit read from disk; a
    /// measurement takes at least one round of batches [default: whole models in memory]
    #[arg(
        long,
        value_name = "SIZE",
        requires = "measure",
        conflicts_with = "rate",
        help_heading = "Compute"
    )]
    pub(crate) memory: Option<MemoryLimit>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lobass train --model base --data pool.jsonl --out reference --epochs 1\n  \
    lobass train --model base --data pool.jsonl --out adapter --method lora --lora-rank 16\n  \
    lobass train --model base --data pool.jsonl --out null --context unconditional"
)]
pub(crate) struct TrainArgs {
    /// The model to start from: a checkpoint directory
    #[arg(long, visible_alias = "base", value_name = "MODEL", help_heading = "Model and output")]
    pub(crate) model: PathBuf,
    /// The checkpoint directory to write; `lobass score --reference` takes it
    #[arg(long, value_name = "DIR", help_heading = "Model and output")]
    pub(crate) out: PathBuf,
    /// The text before the responses that are trained on [default: prompt]
    #[arg(long, value_name = "CONTEXT", value_parser = described::<TrainContext>(&recipe::CONTEXTS), help_heading = "Training")]
    pub(crate) context: Option<TrainContext>,
    /// Also keep the model of every epoch in `epochs/` of the output, and an adapter's AdamW moments for `lobass less`
    #[arg(long, help_heading = "Model and output")]
    pub(crate) trajectory: bool,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass select --scores scores.parquet --strategy lobass --budget 6% --out selected.jsonl\n  \
    lobass select --scores scores.parquet --strategy quality --rating stars --min-rating 4.5 --out good.jsonl")]
pub(crate) struct SelectArgs {
    /// The score table
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: PathBuf,
    /// The data files the table was made from, if they have moved since
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) data: Vec<PathBuf>,
    /// Where to write the selected rows: a file, or a directory if there are several data files
    ///
    /// Without `--out` and `--index` nothing is written: the selection is only described.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Write a list of the selected rows: JSON lines of row, key, source, score, and rank
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// The strategy; `lobass strategies` lists them
    #[arg(long, value_name = "NAME", default_value = "lobass")]
    pub(crate) strategy: String,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

/// A parser for a closed list of words, so that help and completions know them.
fn words<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr + Clone + Send + Sync + 'static,
    T::Err: std::fmt::Display,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>().map_err(|error| error.to_string()))
}

/// A parser for words of a setting, each with its line of help.
fn described<T>(words: &'static [(&'static str, &'static str)]) -> impl TypedValueParser<Value = T>
where
    T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    let values = words.iter().map(|(word, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(values).try_map(|word| serde_json::from_value::<T>(word.into()))
}
