//! Choosing rows and writing them.

mod early;
mod ratings;
mod report;
mod sets;
mod shape;
mod tokens;
mod write;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lobass_core::{ColumnSet, Observer, ScoreColumns};
use lobass_data::Pool;
use lobass_run::{Manifest, ScoreFile};
use lobass_select::{Need, Ratings, Request, Shaped, Strategy, lark, select_sets, summarize};
use sets::VectorSets;
use write::{output_paths, write_index, write_rows};

use crate::error::{Result, bail};
use crate::outputs;
use crate::settings::SelectSettings;

pub use early::{Expected, check_data};
pub use report::SelectionReport;

/// Where a selection goes.
#[derive(Debug, Clone, Default)]
pub struct SelectionTarget {
    /// A file, or a directory for several inputs.
    pub out: Option<PathBuf>,
    /// A list of the chosen rows.
    pub index: Option<PathBuf>,
}

impl SelectionTarget {
    /// Every file that will be written.
    fn paths(&self, pool: &Pool) -> Result<Vec<PathBuf>> {
        let rows = self.out.as_deref().map(|out| output_paths(pool, out)).transpose()?;
        Ok(rows.into_iter().flatten().chain(self.index.clone()).collect())
    }

    /// Says which files will be replaced.
    pub fn note_replaced(&self, pool: &Pool, observer: &dyn Observer) -> Result<()> {
        outputs::note_replaced(&self.paths(pool)?, observer);
        Ok(())
    }

    /// Removes every file that would be written, and the directory of the list if nothing else is in it.
    pub fn remove(&self, pool: &Pool) -> Result<()> {
        for path in self.paths(pool)?.iter().filter(|path| path.exists()) {
            fs_err::remove_file(path)?;
        }
        let dir = self.index.as_deref().and_then(Path::parent).filter(|dir| dir.exists());
        match dir.map(fs_err::remove_dir) {
            Some(Err(error)) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Refuses a target that would overwrite the data, the table, what settings name, or a part of itself.
    pub fn check(&self, pool: &Pool, table: &Path, settings: &SelectSettings) -> Result<()> {
        let data = pool.files().iter().map(|file| ("a data file", file.path()));
        let inputs: Vec<_> = data.chain([("the score table", table)]).chain(settings.files()).collect();
        outputs::check(&self.paths(pool)?, &inputs)
    }
}

/// The columns of a score table that some strategies read.
pub fn columns_of<'a>(
    strategies: impl IntoIterator<Item = &'a str>,
    settings: &SelectSettings,
    manifest: &Manifest,
) -> Result<ColumnSet> {
    let mut wanted = ColumnSet::default();
    for name in strategies {
        let strategy = match settings.strategy(name)? {
            Strategy::S2l(_) => Strategy::S2l(checkpoints(&roles(manifest))),
            strategy => strategy,
        };
        wanted.extend(strategy.columns());
    }
    wanted.extend(shape::columns(&settings.shape));
    Ok(wanted)
}

/// Whether choosing looks at the rows of the data files, beside those of the score table.
pub fn reads_rows(strategy: &str, settings: &SelectSettings) -> Result<bool> {
    let needs = settings.strategy(strategy)?.info().needs;
    let of_strategy = needs.iter().any(|need| match need {
        Need::Prompts => true,
        Need::Rating => settings.ratings.is_none(),
        _ => false,
    });
    Ok(of_strategy || shape::reads_rows(&settings.shape))
}

/// The roles of a table's models.
fn roles(manifest: &Manifest) -> Vec<String> {
    manifest.models.iter().map(|record| record.model.role.clone()).collect()
}

/// The columns of a training: the base, and the reference after each epoch, or at its end if no epoch was kept.
fn checkpoints(roles: &[String]) -> Vec<String> {
    let mut epochs: Vec<(u32, String)> = roles
        .iter()
        .filter_map(|role| Some((role.strip_prefix("reference_epoch")?.parse().ok()?, role.clone())))
        .collect();
    epochs.sort();
    let mut checkpoints = vec!["base".to_owned()];
    if epochs.is_empty() {
        checkpoints.extend(roles.iter().filter(|role| *role == "reference").cloned());
    }
    checkpoints.extend(epochs.into_iter().map(|(_, role)| role));
    checkpoints
}

/// Chooses rows of a table, of which the strategy's columns are read.
pub fn choose(
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    strategy: &str,
    settings: &SelectSettings,
) -> Result<(Strategy, Shaped)> {
    let vectors = VectorSets::open(&settings.sets, table)?;
    let strategy = match settings.strategy(strategy)? {
        Strategy::Rds(_) => Strategy::Rds(vectors.as_ref().map(|v| v.cosines(columns)).unwrap_or_default()),
        strategy => with_data(strategy, table, columns, pool, settings)?,
    };
    let request = Request { budget: settings.budget()?, direction: settings.direction_of(&strategy) };
    let shape = shape::shape(&settings.shape_of(&strategy), columns, pool, &strategy)?;
    let tasks = vectors.as_ref().map(VectorSets::tasks).unwrap_or_default();
    let sets = vectors.as_ref().and_then(|vectors| vectors.sets(&settings.sets, &strategy, &tasks));
    let shaped = select_sets(columns, &strategy, &request, &shape, sets)?;
    Ok((strategy, shaped))
}

/// The same, and writes them.
pub fn select_and_write(
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    strategy: &str,
    settings: &SelectSettings,
    target: &SelectionTarget,
) -> Result<SelectionReport> {
    let (strategy, shaped) = choose(table, columns, pool, strategy, settings)?;
    let selection = &shaped.selection;
    let summary = summarize(columns, &shaped);
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
    Ok(SelectionReport { strategy, shaped, summary, written, reasons, has_budget })
}

/// A strategy with what it needs beside sums of losses.
fn with_data(
    strategy: Strategy,
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    settings: &SelectSettings,
) -> Result<Strategy> {
    match strategy {
        Strategy::SelectiveIfd(_) => Ok(Strategy::SelectiveIfd(tokens::selective_ifd(table)?)),
        Strategy::Lark(_) => Ok(Strategy::Lark(lark(columns, &shape::prompts(pool, columns.len())?))),
        Strategy::S2l(_) => Ok(Strategy::S2l(checkpoints(&roles(table.manifest())))),
        Strategy::Quality(_) => {
            let values = match (&settings.ratings, &settings.rating) {
                (Some(file), column) => ratings::of_file(file, column.as_deref(), table)?,
                (None, Some(column)) => ratings::of_data(pool, column)?,
                (None, None) => {
                    bail!(
                        Selection,
                        "strategy `quality`: expected ratings, found none; name their column with `--rating`"
                    )
                }
            };
            Ok(Strategy::Quality(Ratings { values, at_least: settings.min_rating }))
        }
        other => Ok(other),
    }
}
