//! Errors of the library.

mod hint;

use std::error::Error as StdError;

use thiserror::Error as ThisError;

pub use hint::{hint, inner};

/// The result of a call of the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of a call of the library.
///
/// Variants with a text are faults that this crate found: the text says where, what was expected, and what was found.
/// The others are errors of the crates below. [`Error::cause`] looks through the context that was added on the way.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Settings contradict each other, have no effect together, or are missing.
    #[error("{0}")]
    Settings(String),
    /// Data files are missing, or their content differs from what was expected.
    #[error("{0}")]
    Data(String),
    /// A model cannot be used in its role, or two models do not fit together.
    #[error("{0}")]
    Model(String),
    /// A device is missing or does not compute.
    #[error("{0}")]
    Device(String),
    /// A work directory, a store, or a job cannot be used.
    #[error("{0}")]
    Work(String),
    /// A score table, its vectors, or a page about it cannot be read, written, or used.
    #[error("{0}")]
    Table(String),
    /// A selection cannot be made as asked.
    #[error("{0}")]
    Selection(String),
    /// A reference cannot be trained as asked.
    #[error("{0}")]
    Training(String),
    /// A comparison cannot be made or resumed.
    #[error("{0}")]
    Comparison(String),
    /// Gradients or targets of LESS cannot be used.
    #[error("{0}")]
    Influence(String),
    /// A run directory cannot be used.
    #[error("{0}")]
    Run(String),
    /// A worker process failed.
    #[error("{0}")]
    Worker(String),
    /// A required value or file is missing.
    #[error("{0}")]
    Missing(String),
    /// An output would replace an input or another output.
    #[error("{0}")]
    Output(String),
    /// Another process has not done what this call needs. The same call may succeed later.
    #[error("{0}")]
    Unfinished(String),
    /// The observer asked to stop. Finished work stays, and the same call goes on with it.
    #[error("interrupted; finished work is kept, and the same call continues")]
    Interrupted,
    /// Several faults: all that could be seen before anything was computed.
    #[error("{}", several(.0))]
    Several(Vec<Error>),
    /// An error with the place or the action that it belongs to.
    #[error("{what}")]
    Within {
        /// The place or the action.
        what: String,
        /// The error.
        source: Box<Error>,
    },
    /// Rows, templates, tokenizers, or files.
    #[error(transparent)]
    Rows(#[from] lobass_data::Error),
    /// Checkpoints or adapters.
    #[error(transparent)]
    Checkpoint(#[from] lobass_model::Error),
    /// Losses on a device.
    #[error(transparent)]
    Loss(#[from] lobass_loss::Error),
    /// Fine-tuning.
    #[error(transparent)]
    Train(#[from] lobass_train::Error),
    /// Plans, units, stores, or score tables.
    #[error(transparent)]
    Store(#[from] lobass_run::Error),
    /// Strategies.
    #[error(transparent)]
    Select(#[from] lobass_select::SelectError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] lobass_hub::Error),
    /// A budget that cannot be read.
    #[error(transparent)]
    Budget(#[from] lobass_core::BudgetError),
    /// Shares of a quota that cannot be read.
    #[error(transparent)]
    Shares(#[from] lobass_select::SharesError),
    /// Rules of texts, or near duplicates.
    #[error(transparent)]
    Text(#[from] lobass_text::Error),
    /// Checks of data.
    #[error(transparent)]
    Check(#[from] lobass_check::Error),
    /// Gradients of rows.
    #[error(transparent)]
    Gradients(#[from] lobass_influence::Error),
    /// Owners who select or train together.
    #[error(transparent)]
    Federate(#[from] lobass_federate::Error),
    /// Measurements of a comparison.
    #[error(transparent)]
    Evidence(#[from] lobass_evidence::Error),
    /// Vectors on disk.
    #[error(transparent)]
    Matrix(#[from] lobass_matrix::Error),
    /// Time and cost of a job.
    #[error(transparent)]
    Price(#[from] lobass_price::Error),
    /// A config of another trainer.
    #[error(transparent)]
    Trainer(#[from] lobass_trainers::Error),
    /// Regions of a pool.
    #[error(transparent)]
    Regions(#[from] lobass_regions::Error),
    /// Recipes of merges.
    #[error(transparent)]
    Merge(#[from] lobass_merge::Error),
    /// A file or a process of this machine.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A number of rows that does not fit the memory of this machine.
    #[error(transparent)]
    TooMany(#[from] std::num::TryFromIntError),
    /// TOML that cannot be read.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Settings that cannot be written as TOML.
    #[error(transparent)]
    TomlWrite(#[from] toml::ser::Error),
    /// JSON that cannot be read or written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

fn several(errors: &[Error]) -> String {
    let each = errors.iter().zip(1..).map(|(error, number)| format!("; ({number}) {}", error.chain()));
    format!("{} things are wrong{}", errors.len(), each.collect::<String>())
}

impl Error {
    /// The error without the context that was added on the way.
    pub fn cause(&self) -> &Self {
        match self {
            Self::Within { source, .. } => Self::cause(source),
            other => other,
        }
    }

    /// The error of a crate below if this is one, else the error itself.
    pub fn inner(&self) -> &(dyn StdError + 'static) {
        match self {
            Self::Rows(error) => error,
            Self::Checkpoint(error) => error,
            Self::Loss(error) => error,
            Self::Train(error) => error,
            Self::Store(error) => error,
            Self::Select(error) => error,
            Self::Hub(error) => error,
            Self::Text(error) => error,
            Self::Check(error) => error,
            Self::Matrix(error) => error,
            Self::Io(error) => error,
            other => other,
        }
    }

    /// The messages of the error and of its causes in one line, with colons between them.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            text += &format!(": {cause}");
            source = cause.source();
        }
        text
    }

    /// The error with its causes and a hint, over several lines: what people read.
    pub fn explain(&self) -> String {
        if let Self::Several(errors) = self {
            let each =
                errors.iter().zip(1..).map(|(error, number)| format!("\n{number}. {}", error.explain()));
            return format!("{} things are wrong{}", errors.len(), each.collect::<String>());
        }
        let first: &(dyn StdError + 'static) = self;
        let causes = || std::iter::successors(Some(first), |error| StdError::source(*error));
        let mut text = self.to_string();
        causes().skip(1).for_each(|cause| text += &format!("\n  because: {cause}"));
        if let Some(hint) = causes().find_map(hint) {
            text += &format!("\nhint: {hint}");
        }
        text
    }

    /// The error with the place or the action that it belongs to.
    #[must_use]
    pub fn within(self, what: impl Into<String>) -> Self {
        Self::Within { what: what.into(), source: Box::new(self) }
    }
}

/// Adds context to errors and missing values.
pub(crate) trait Context<T> {
    fn context(self, what: &str) -> Result<T>;

    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: &str) -> Result<T> {
        self.map_err(|error| error.into().within(what))
    }

    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().within(what()))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: &str) -> Result<T> {
        self.ok_or_else(|| Error::Missing(what.to_owned()))
    }

    fn with_context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.ok_or_else(|| Error::Missing(what().into()))
    }
}

/// Returns an error of a kind with a formatted text.
macro_rules! bail {
    ($kind:ident, $($text:tt)*) => {
        return Err($crate::error::Error::$kind(format!($($text)*)))
    };
}

pub(crate) use bail;
