//! Owners of data who keep their rows.

use std::path::PathBuf;

use clap::Args;
use lobass::federated::train::{Aggregate, ClientWeights, FederatedMethod};
use lobass_federate::Split;

use super::recipe::StepArgs;
use super::{ComputeArgs, DataArgs, EncodeArgs, SelectionArgs, described};

const METHODS: [(&str, &str); 3] = [
    ("full", "All weights"),
    ("lora", "A low-rank adapter that starts at random"),
    (
        "slora",
        "First a random part of the weights, then an adapter that starts from what they learned (SLoRA)",
    ),
];
const WEIGHTS: [(&str, &str); 3] = [
    ("tokens", "Its scored tokens, since the loss of a step is a mean over tokens"),
    ("rows", "Its rows, as in federated averaging"),
    ("even", "The same as every other"),
];

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    lobass federate select --scores clinic.parquet library.parquet --strategy lobass --budget 6% --out kept")]
pub(crate) struct FederateSelectArgs {
    /// The score table of each owner; all of them scored alike
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) scores: Vec<PathBuf>,
    /// The directory to write: what each owner keeps, under the name of its table, as `rows/` and `index.jsonl`
    ///
    /// Without it nothing is written: the selection is only described.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Write every message between the owners and the one who asks them, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) messages: Option<PathBuf>,
    /// Let no answer tell fewer rows apart; above 1 the selection is only nearly that of the joined table, and owners with
    /// fewer candidates take no part
    #[arg(long, value_name = "ROWS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) min_count: u64,
    /// Let owners have different references, each trained on the rows of the others
    #[arg(long)]
    pub(crate) own_references: bool,
    /// The strategy; its score of a row has to depend on that row alone
    #[arg(long, value_name = "NAME", default_value = "lobass")]
    pub(crate) strategy: String,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
}

const AGGREGATES: [(&str, &str); 2] = [
    ("factors", "Both factors, each by itself"),
    ("products", "Their product, which is then cut to the rank of the adapter (FlexLoRA)"),
];

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass federate train --base base --data pool.jsonl --clients 10 --rounds 20 --batch-size 16 --out fed\n  \
    lobass federate train --base base --data pool.jsonl --clients 10 --split dirichlet:0.3 --by kind --batch-size 16 --out skewed\n  \
    lobass federate train --base base --data a.jsonl b.jsonl c.jsonl --split label --method slora --batch-size 16 --out slora")]
pub(crate) struct FederateTrainArgs {
    /// The checkpoint that everyone starts from
    #[arg(long, value_name = "MODEL")]
    pub(crate) base: PathBuf,
    /// The directory to write: rounds, `report.json`, and the model at the end in `model/`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The number of clients; the split `label` makes one for each label
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Federation")]
    pub(crate) clients: usize,
    /// How rows are dealt to clients: `iid`, `dirichlet:ALPHA` over labels, or `label`
    #[arg(long, value_name = "SPLIT", default_value = "iid", help_heading = "Federation")]
    pub(crate) split: Split,
    /// The label of a row: `source`, which is its file, or a column of the data
    #[arg(long, value_name = "COLUMN", default_value = "source", help_heading = "Federation")]
    pub(crate) by: String,
    /// The number of rounds
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Federation")]
    pub(crate) rounds: usize,
    /// The share of the clients that take part in a round
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, help_heading = "Federation")]
    pub(crate) per_round: f64,
    /// What a client weighs in an average
    #[arg(long, value_name = "BY", default_value = "tokens", value_parser = described::<ClientWeights>(&WEIGHTS), help_heading = "Federation")]
    pub(crate) weights: ClientWeights,
    /// What clients train and send
    #[arg(long, value_name = "METHOD", default_value = "lora", value_parser = described::<FederatedMethod>(&METHODS), help_heading = "Federation")]
    pub(crate) method: FederatedMethod,
    /// What the server averages of adapters
    #[arg(long, value_name = "WHAT", default_value = "factors", value_parser = described::<Aggregate>(&AGGREGATES), help_heading = "Federation")]
    pub(crate) aggregate: Aggregate,
    /// Rounds of the first stage of SLoRA [default: 5]
    #[arg(long, value_name = "N", help_heading = "Federation")]
    pub(crate) sparse_rounds: Option<usize>,
    /// The share of the weights of each matrix that the first stage of SLoRA trains [default: 0.01]
    #[arg(long, value_name = "SHARE", help_heading = "Federation")]
    pub(crate) density: Option<f64>,
    /// The learning rate of the first stage of SLoRA [default: that of the recipe]
    #[arg(long, value_name = "RATE", help_heading = "Federation")]
    pub(crate) sparse_learning_rate: Option<f64>,
    /// Add what the adapter of SLoRA cannot hold to the base, and write this base to `base/`
    #[arg(long, help_heading = "Federation")]
    pub(crate) keep_rest: bool,
    /// Rows of the pool that no client gets, and that every round is measured on
    #[arg(long, value_name = "ROWS", default_value_t = 0, help_heading = "Federation")]
    pub(crate) eval_rows: usize,
    #[command(flatten)]
    pub(crate) steps: StepArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
