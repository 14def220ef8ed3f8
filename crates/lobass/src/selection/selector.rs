//! Choosing rows of a score table by strategies.

use std::fmt;

use lobass_core::ScoreColumns;
use lobass_data::Pool;
use lobass_run::ScoreFile;
use lobass_select::{Chosen, Need, Request, SelectError, Strategy, Unread, select, summarize};

use super::gathered::Gathered;
use super::reach::check_rated;
use super::report::SelectionReport;
use super::sets::VectorSets;
use super::shape;
use super::target::SelectionTarget;
use super::write::write_selection;
use crate::error::{Error, Result};
use crate::settings::{SelectSettings, available_threads};

/// A score table and its pool, with what some strategies read beside the columns of the table: ratings, prompts,
/// vectors. These are read once, however many strategies and seeds follow.
pub struct Selector<'a> {
    table: &'a ScoreFile,
    pool: &'a Pool,
    gathered: Gathered<'a>,
}

impl fmt::Debug for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector").field("table", self.table).finish_non_exhaustive()
    }
}

impl<'a> Selector<'a> {
    /// Reads what strategies and settings need beside the columns of the table.
    ///
    /// # Errors
    /// If the data or a file that settings name lacks it.
    pub fn open<'s>(
        table: &'a ScoreFile,
        pool: &'a Pool,
        strategies: impl IntoIterator<Item = &'s dyn Strategy>,
        settings: &SelectSettings,
    ) -> Result<Self> {
        let gathered = Gathered::read(&settings.needs(strategies)?, settings, table, pool)?;
        Ok(Self { table, pool, gathered })
    }

    /// Chooses rows by one of the strategies.
    ///
    /// - `columns`: at least what [`columns_of`](super::columns_of) names for it
    /// - `settings`: those that the selector was opened with; seed and direction may differ
    ///
    /// # Errors
    /// If the table lacks what the strategy needs, or if no row can be chosen.
    pub fn choose(
        &self,
        columns: &ScoreColumns,
        strategy: &dyn Strategy,
        settings: &SelectSettings,
    ) -> Result<Chosen> {
        // Before texts are compared, and vectors clustered.
        let rates = settings.needs([strategy])?.contains(Need::Rating);
        check_rated(settings, columns, self.gathered.ratings().filter(|_| rates))?;
        let vectors = self.gathered.vectors();
        let tasks = vectors.map(VectorSets::tasks).unwrap_or_default();
        let request = Request {
            lengths_of: Some(settings.lengths_of()?),
            direction: settings.direction_of(strategy),
            shape: &shape::shape(&settings.shape_of(strategy), columns, self.pool)?,
            sets: vectors.and_then(|vectors| vectors.sets(&settings.sets, strategy, &tasks)),
            ..Request::new(strategy, settings.budget()?)
        };
        select(self.gathered.inputs(columns, &tasks), &request).map_err(read_error)
    }

    /// Chooses rows as [`Self::choose`] does, and writes them.
    ///
    /// # Errors
    /// As [`Self::choose`], and if an output cannot be written.
    pub fn choose_and_write(
        &self,
        columns: &ScoreColumns,
        strategy: &dyn Strategy,
        settings: &SelectSettings,
        target: &SelectionTarget,
    ) -> Result<SelectionReport> {
        let chosen = self.choose(columns, strategy, settings)?;
        let selection = &chosen.selection;
        let summary = summarize(columns, &chosen, available_threads());
        let written = write_selection(self.table, self.pool, columns, selection, target.places())?;
        let reasons = columns.reasons.clone();
        let has_budget = settings.budget.is_some();
        let reads_samples = strategy.info().needs.contains(&Need::Samples);
        let samples = self.gathered.sample_facts().filter(|_| reads_samples).cloned();
        Ok(SelectionReport { chosen, summary, samples, written, reasons, has_budget })
    }
}

/// The error of the table whose tokens could not be read, rather than that of the selection that read them.
fn read_error(error: SelectError) -> Error {
    match error {
        SelectError::Unread(Unread(inner)) => match inner.downcast::<lobass_run::Error>() {
            Ok(error) => Error::Store(*error),
            Err(inner) => SelectError::Unread(Unread(inner)).into(),
        },
        error => error.into(),
    }
}
