//! Errors that stop a run. Committed work is never lost.

use std::path::PathBuf;

use lobass_core::ExampleKey;
use thiserror::Error;

use crate::Location;

/// Why a run stops.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The store of a work directory fails.
    #[error("cannot {action} `{}`: {reason}", path.display())]
    Store {
        /// The action that failed.
        action: &'static str,
        /// The object.
        path: PathBuf,
        /// The store's reason.
        reason: String,
        /// The system's reason, if the system failed.
        kind: Option<std::io::ErrorKind>,
        /// Whether the same call may succeed later: a server that is away, a disk that is full.
        again: bool,
    },
    /// A work directory in an object store of a cloud, and a build that speaks to none.
    #[error(
        "`{place}`: expected a build with the feature `cloud`, which speaks to object stores, found one without it"
    )]
    NoCloud {
        /// The place.
        place: Location,
    },
    /// A data file cannot be read.
    #[error(transparent)]
    Data(#[from] lobass_data::Error),
    /// A Parquet file of lobass's own cannot be read or written.
    #[error("Parquet file `{}`", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A JSON file of lobass's own cannot be read.
    #[error("`{}` is not {expected}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A file of lobass's own does not hold what was written to it.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The directory has work with other data or settings.
    #[error(
        "work directory `{}` has unfinished work with other {}; finish it with those, delete it, or use another directory",
        path.display(), differences.join(", ")
    )]
    OtherPlan {
        /// The directory.
        path: PathBuf,
        /// The differences, with both values.
        differences: Vec<String>,
    },
    /// The directory holds something that is not lobass's.
    #[error(
        "`{}`: expected an empty directory or a work directory of lobass, found `{name}` in it; use another one",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// A file in it.
        name: String,
    },
    /// The data changed while it was being read.
    #[error("data file `{}` changed while it was being read: expected {expected} rows, found {found}", path.display())]
    DataChanged {
        /// The file.
        path: PathBuf,
        /// Rows when the plan was made.
        expected: u64,
        /// Rows now.
        found: u64,
    },
    /// A row is too long, and the run was told to stop then.
    #[error("row {row} (`{key}`) of `{source_name}`: {reason}")]
    Overlong {
        /// Its position in the pool.
        row: u64,
        /// Its name.
        key: ExampleKey,
        /// Its source.
        source_name: String,
        /// How long it is.
        reason: String,
    },
    /// A token that a model has no embedding for: the tokenizer belongs to another model.
    #[error(
        "row {row} (`{key}`): token id {id} is not below the vocab_size of model `{model}`, {vocab_size}; \
         the tokenizer belongs to another model"
    )]
    TokenOutOfRange {
        /// The row's position in the pool.
        row: u64,
        /// Its name.
        key: ExampleKey,
        /// The token id.
        id: u32,
        /// The model.
        model: String,
        /// Rows of its embedding.
        vocab_size: usize,
    },
    /// An engine failed.
    #[error("model `{model}`, shard {shard}")]
    Engine {
        /// The model.
        model: String,
        /// The shard.
        shard: u32,
        /// The engine's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Sealing needs every unit.
    #[error("{missing} of {all} units are not done yet, the first of them shard {shard} of stage `{stage}`")]
    Unfinished {
        /// Units without a commit.
        missing: usize,
        /// All units.
        all: usize,
        /// The first shard.
        shard: u32,
        /// Its stage.
        stage: String,
    },
    /// Units were given up, and there is no leave to go without them.
    #[error(
        "{n_units} units were given up after too many attempts, the first of them shard {shard} of model `{model}`"
    )]
    Quarantined {
        /// How many.
        n_units: usize,
        /// The first shard.
        shard: u32,
        /// The model's role.
        model: String,
    },
    /// The units of a model were computed by more than one version of lobass.
    #[error("model `{model}`: expected units of one version, found those of {}", versions.join(" and of "))]
    Mixture {
        /// The model's role, or `rows`.
        model: String,
        /// The versions.
        versions: Vec<String>,
    },
    /// There is a commit that the plan does not ask for.
    #[error("`{}`: expected commits of the {n_shards} shards of the plan only", path.display())]
    Surprise {
        /// The commit.
        path: PathBuf,
        /// How many shards there are.
        n_shards: usize,
    },
    /// A matrix cannot be written or read.
    #[error(transparent)]
    Matrix(#[from] lobass_matrix::Error),
    /// Vectors and scores of different data.
    #[error(
        "`{}` was made from other data than this pool: expected data file {file} to be {expected}, found {found}",
        path.display()
    )]
    OtherPool {
        /// The file of vectors.
        path: PathBuf,
        /// Which data file, from 1.
        file: usize,
        /// The digest of the pool.
        expected: String,
        /// The digest in the vectors' manifest.
        found: String,
    },
    /// Models, roles, and folds that do not make a table.
    #[error("cannot seal a score table: {reason}")]
    Unsealable {
        /// The mismatch.
        reason: String,
    },
    /// A score table with sums of losses only, where losses of tokens are needed.
    #[error(
        "score table `{}`: expected the loss of each token, found sums alone; score with `--per-token`",
        path.display()
    )]
    NoTokenLosses {
        /// The table.
        path: PathBuf,
    },
    /// Losses of another program that cannot be read, or do not fit the rows that they are about.
    #[error("losses `{}`{place}: {reason}", path.display())]
    Losses {
        /// The file, or its name in memory.
        path: PathBuf,
        /// The line or the record, behind a comma; empty if it is about the whole file.
        place: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A file that is not a score table.
    #[error("`{}` is not a score table: {reason}", path.display())]
    NotATable {
        /// The file.
        path: PathBuf,
        /// The missing part.
        reason: String,
    },
}
