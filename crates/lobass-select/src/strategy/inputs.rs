//! The inputs of strategies.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use lobass_core::{Numbers, ScoreColumns};

use super::need::Need;
use super::problem::{Problem, Unread};
use crate::diverse::Vectors;
use crate::hashes::Hashes;

/// Everything that strategies compute scores from: the columns of a score table, and what the table does not hold.
///
/// The caller fills it from what a strategy needs ([`StrategyInfo::needs`](super::StrategyInfo::needs)), and can then
/// use it for any number of strategies. It only borrows, so copies are free. Columns alone are inputs too:
/// `select(&columns, ..)` is enough for every strategy of sums.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    columns: &'a ScoreColumns,
    ratings: Option<&'a Ratings>,
    samples: Option<&'a SampleGaps>,
    prompts: Option<&'a [u32]>,
    tokens: Option<&'a dyn TokenLosses>,
    queries: Option<Queries<'a>>,
    epochs: &'a [String],
    threads: usize,
    shrinkage: Option<f64>,
    hashes: Hashes<'a>,
    late_hashes: Option<&'a dyn KeyHashes>,
}

/// A rating per row, and the least that is good enough.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ratings {
    /// By position in the pool; missing where a row has none.
    pub values: Numbers,
    /// Rows below this are not eligible.
    pub at_least: Option<f64>,
}

/// How much lower the loss of samples after a row's prompt is under the reference than under the base, as means over the
/// samples of the row. A row whose samples do not count has none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleGaps {
    /// In nats, summed over each sample.
    pub sums: Numbers,
    /// In nats per token of each sample.
    pub means: Numbers,
}

/// Vectors of the rows of a pool, and of queries that they are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    /// A vector for every row of the pool; NaN where there is none.
    pub rows: Vectors<'a>,
    /// The queries of each task, as long as the vectors of the rows.
    pub tasks: &'a [Vectors<'a>],
}

/// Hands over the losses of single tokens, which are too many to hold in memory.
pub trait TokenLosses {
    /// Calls `take` for every row that has losses under all `models`, in the order of the pool. It gets the row's
    /// position and, model by model, the loss of each scored token in nats. Every call gives the same numbers.
    ///
    /// # Errors
    /// If they cannot be read.
    fn each_row(
        &self,
        models: &[&str],
        take: &mut dyn FnMut(usize, &[Vec<f32>]),
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

impl fmt::Debug for dyn TokenLosses + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenLosses")
    }
}

/// Reads hashes of keys. Keys are most of a table, and decide only the order of equal scores.
pub trait KeyHashes {
    /// The hashes of some rows' keys under a seed ([`tie_break`](lobass_core::tie_break)), in the order of the rows.
    ///
    /// # Errors
    /// If the keys cannot be read.
    fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>>;

    /// The hash of every row's key under a seed.
    ///
    /// # Errors
    /// If the keys cannot be read.
    fn of_all(&self, seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>>;
}

impl fmt::Debug for dyn KeyHashes + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHashes")
    }
}

/// Filling them.
impl<'a> Inputs<'a> {
    /// The columns of a score table.
    pub fn new(columns: &'a ScoreColumns) -> Self {
        Self {
            columns,
            ratings: None,
            samples: None,
            prompts: None,
            tokens: None,
            queries: None,
            epochs: &[],
            threads: 1,
            shrinkage: None,
            hashes: columns.into(),
            late_hashes: None,
        }
    }

    /// Adds a rating of every row.
    #[must_use]
    pub fn with_ratings(self, ratings: &'a Ratings) -> Self {
        Self { ratings: Some(ratings), ..self }
    }

    /// Adds what samples after the prompts gained.
    #[must_use]
    pub fn with_samples(self, samples: &'a SampleGaps) -> Self {
        Self { samples: Some(samples), ..self }
    }

    /// Adds the prompt of every row, as a number that rows with the same prompt share, below the number of rows.
    ///
    /// # Panics
    /// If there is not a prompt for each row.
    #[must_use]
    pub fn with_prompts(self, prompts: &'a [u32]) -> Self {
        assert_eq!(prompts.len(), self.columns.len(), "a prompt for each row");
        Self { prompts: Some(prompts), ..self }
    }

    /// Adds the losses of tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: &'a dyn TokenLosses) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Adds vectors of the rows and of queries.
    ///
    /// # Panics
    /// If there is not a vector for each row.
    #[must_use]
    pub fn with_queries(self, queries: Queries<'a>) -> Self {
        assert_eq!(queries.rows.len(), self.columns.len(), "a vector for each row");
        Self { queries: Some(queries), ..self }
    }

    /// Adds a reader of hashes, for columns without them. Selecting reads the hashes that it needs.
    #[must_use]
    pub fn with_late_hashes(self, hashes: &'a dyn KeyHashes) -> Self {
        Self { late_hashes: (!self.has_hashes()).then_some(hashes), ..self }
    }

    /// Adds hashes that have been read.
    pub(crate) fn with_hashes<'b>(&self, hashes: Hashes<'b>) -> Inputs<'b>
    where
        'a: 'b,
    {
        Inputs { hashes, late_hashes: None, ..*self }
    }

    /// Adds the names of the columns of losses along one training, the base's first.
    #[must_use]
    pub fn with_epochs(self, epochs: &'a [String]) -> Self {
        Self { epochs, ..self }
    }

    /// Allows a number of threads. They change the time only.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Adds some nats to the denominator of a relative loss reduction.
    pub(crate) fn with_shrinkage(self, shrinkage: Option<f64>) -> Self {
        Self { shrinkage, ..self }
    }
}

/// Reading them.
impl<'a> Inputs<'a> {
    /// The score table.
    pub fn columns(&self) -> &'a ScoreColumns {
        self.columns
    }

    /// A column of summed losses by the [role](lobass_core::ModelRole) of its model, or by its name without `_nll`; without
    /// numbers if the table lacks it.
    pub fn losses<'n>(&self, column: impl Into<Cow<'n, str>>) -> &'a Numbers {
        self.columns.losses(column)
    }

    /// The mean loss of a row per scored token, in nats, by a column of sums.
    pub fn mean<'n>(&self, column: impl Into<Cow<'n, str>>) -> impl Fn(usize) -> Option<f64> {
        let (columns, sums) = (self.columns, self.columns.losses(column));
        move |row| {
            let n_scored = columns.n_scored[row];
            sums.get(row).filter(|_| n_scored > 0).map(|sum| sum / f64::from(n_scored))
        }
    }

    /// A score for every row that may be selected, for which `score` has one, and which is finite.
    pub fn each(&self, score: impl Fn(usize) -> Option<f64>) -> Numbers {
        let rows = self.columns.statuses.iter().enumerate();
        rows.map(|(row, status)| score(row).filter(|score| status.is_eligible() && score.is_finite()))
            .collect()
    }

    /// The seeded hash of every row's key, for a strategy that [reads them](super::StrategyInfo::reads_keys). It may be
    /// empty for any other.
    pub fn key_hashes(&self) -> &'a [u64] {
        self.hashes.all()
    }

    pub(crate) fn hashes(&self) -> Hashes<'a> {
        self.hashes
    }

    /// Whether all hashes are there.
    pub(crate) fn has_hashes(&self) -> bool {
        matches!(self.hashes, Hashes::All(_))
    }

    /// The hashes that are yet to be read.
    pub(crate) fn late_hashes(&self) -> Option<&'a dyn KeyHashes> {
        self.late_hashes
    }

    /// The ratings.
    ///
    /// # Errors
    /// [`Problem::Missing`] without any.
    pub fn ratings(&self) -> Result<&'a Ratings, Problem> {
        self.ratings.ok_or(Problem::Missing(Need::Rating))
    }

    /// What samples after the prompts gained.
    ///
    /// # Errors
    /// [`Problem::Missing`] without any.
    pub fn samples(&self) -> Result<&'a SampleGaps, Problem> {
        self.samples.ok_or(Problem::Missing(Need::Samples))
    }

    /// The prompt of every row, as a number that rows with the same prompt share, below the number of rows.
    ///
    /// # Errors
    /// [`Problem::Missing`] if they are not known.
    pub fn prompts(&self) -> Result<&'a [u32], Problem> {
        self.prompts.ok_or(Problem::Missing(Need::Prompts))
    }

    /// Calls `take` for every row with losses of its tokens, with its position and these, model by model.
    ///
    /// # Errors
    /// [`Problem::Missing`] if there are none, [`Problem::Unread`] if they cannot be read.
    pub fn each_row_of_tokens(
        &self,
        models: &[&str],
        mut take: impl FnMut(usize, &[Vec<f32>]),
    ) -> Result<(), Problem> {
        let tokens = self.tokens.ok_or(Problem::Missing(Need::Tokens))?;
        tokens.each_row(models, &mut take).map_err(|error| Problem::Unread(Unread(error)))
    }

    /// Vectors of the rows and of queries.
    ///
    /// # Errors
    /// [`Problem::Missing`] without any.
    pub fn queries(&self) -> Result<Queries<'a>, Problem> {
        self.queries.filter(|queries| !queries.tasks.is_empty()).ok_or(Problem::Missing(Need::Queries))
    }

    /// The columns of losses along one training, the base's first.
    ///
    /// # Errors
    /// [`Problem::Missing`] with fewer than two.
    pub fn epochs(&self) -> Result<&'a [String], Problem> {
        Some(self.epochs).filter(|epochs| epochs.len() > 1).ok_or(Problem::Missing(Need::Trajectory))
    }

    /// Threads that may be used.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Nats to add to the denominator of a relative loss reduction, if the request asks for it; only for a strategy
    /// whose [`StrategyInfo::shrinks`](super::StrategyInfo::shrinks).
    pub fn shrinkage(&self) -> Option<f64> {
        self.shrinkage
    }

    /// Checks that something is there. A table without losses under the base has no scored row, which selecting says.
    pub(crate) fn check(&self, need: Need) -> Result<(), Problem> {
        let has = match need {
            Need::Base | Need::Lengths => true,
            Need::Reference | Need::Unconditional | Need::Null | Need::Brier | Need::Losses(_) => {
                need.column().is_some_and(|name| self.losses(name).has_any())
            }
            Need::Pair => (0..self.columns.len()).any(|row| self.columns.is_pair(row)),
            Need::Tokens => self.tokens.is_some(),
            Need::Prompts => self.prompts.is_some(),
            Need::Trajectory => self.epochs().is_ok(),
            Need::Queries => self.queries().is_ok(),
            Need::Samples => self.samples.is_some(),
            Need::Rating => self.ratings.is_some(),
        };
        if has { Ok(()) } else { Err(Problem::Missing(need)) }
    }
}

impl<'a> From<&'a ScoreColumns> for Inputs<'a> {
    fn from(columns: &'a ScoreColumns) -> Self {
        Self::new(columns)
    }
}
