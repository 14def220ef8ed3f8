//! Choosing rows and writing them.

mod early;
mod epochs;
mod gathered;
mod prompts;
mod ratings;
mod report;
mod sets;
mod shape;
mod target;
mod tokens;
mod write;

use lobass_core::{ColumnSet, ScoreColumns};
use lobass_data::Pool;
use lobass_run::{Manifest, ScoreFile};
use lobass_select::{Chosen, Need, Request, SelectError, Strategy, Unread, select, summarize};

use epochs::{epochs, roles};
use gathered::Gathered;
use sets::VectorSets;
use write::{output_paths, write_index, write_rows};

use crate::error::{Error, Result};
use crate::settings::SelectSettings;

pub use early::{Expected, check_data};
pub use report::SelectionReport;
pub use target::SelectionTarget;

/// The columns of a score table that some strategies and settings read.
///
/// # Errors
/// If settings name a strategy that is unknown.
pub fn columns_of<'a>(
    strategies: impl IntoIterator<Item = &'a dyn Strategy>,
    settings: &SelectSettings,
    manifest: &Manifest,
) -> Result<ColumnSet> {
    let mut wanted = settings.needs(strategies)?.columns(&epochs(&roles(manifest)));
    wanted.extend(shape::columns(&settings.shape));
    Ok(wanted)
}

/// Whether choosing looks at the rows of the data files, beside those of the score table.
pub fn reads_rows(strategy: &dyn Strategy, settings: &SelectSettings) -> bool {
    let of_strategy = strategy.info().needs.iter().any(|need| match need {
        Need::Prompts => true,
        Need::Rating => settings.ratings.is_none(),
        _ => false,
    });
    of_strategy || shape::reads_rows(&settings.shape)
}

/// Chooses rows of a table by a strategy, whose columns are read ([`columns_of`]).
///
/// # Errors
/// If the table, the data, or the files of the settings lack what the strategy needs, or if no row can be chosen.
pub fn choose(
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    strategy: &dyn Strategy,
    settings: &SelectSettings,
) -> Result<Chosen> {
    let lengths_of = settings.lengths_of()?;
    let needs = strategy.needs(Some(lengths_of));
    let gathered = Gathered::read(&needs, settings, table, pool, columns.len())?;
    let tasks = gathered.vectors().map(VectorSets::tasks).unwrap_or_default();
    let request = Request {
        lengths_of: Some(lengths_of),
        direction: settings.direction_of(strategy),
        shape: &shape::shape(&settings.shape_of(strategy), columns, pool)?,
        sets: gathered.vectors().and_then(|vectors| vectors.sets(&settings.sets, strategy, &tasks)),
        ..Request::new(strategy, settings.budget()?)
    };
    select(gathered.inputs(columns, &tasks), &request).map_err(read_error)
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

/// Chooses rows as [`choose`] does, and writes them.
///
/// # Errors
/// The errors of [`choose`], and an output that cannot be written.
pub fn select_and_write(
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    strategy: &dyn Strategy,
    settings: &SelectSettings,
    target: &SelectionTarget,
) -> Result<SelectionReport> {
    let chosen = choose(table, columns, pool, strategy, settings)?;
    let selection = &chosen.selection;
    let summary = summarize(columns, &chosen);
    let mut written = Vec::new();
    if let Some(out) = &target.out {
        written.extend(write_rows(pool, selection, output_paths(pool, out)?)?);
    }
    if let Some(index) = &target.index {
        write_index(table, columns, selection, index)?;
        written.push((index.clone(), selection.selected.len() as u64));
    }
    let reasons = columns.reasons.clone();
    let has_budget = settings.budget.is_some();
    Ok(SelectionReport { chosen, summary, written, reasons, has_budget })
}
