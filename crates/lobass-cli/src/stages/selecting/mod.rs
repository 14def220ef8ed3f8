//! Choosing rows and writing them.

mod report;
mod shape;
mod tokens;
mod write;

use std::path::{Path, PathBuf};

use anyhow::bail;
use lobass_core::{ColumnSet, Direction, Numbers, ScoreColumns};
use lobass_data::Pool;
use lobass_run::ScoreFile;
use lobass_select::{Need, Ratings, Request, Shaped, Strategy, select_shaped, summarize};
use serde_json::Value;

use crate::outputs;
use crate::settings::SelectSettings;

pub(crate) use report::SelectionReport;
use write::{output_paths, write_index, write_rows};

/// Where a selection goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct SelectionTarget {
    /// A file, or a directory for several inputs.
    pub(crate) out: Option<PathBuf>,
    /// A list of the chosen rows.
    pub(crate) index: Option<PathBuf>,
}

impl SelectionTarget {
    /// Every file that will be written.
    fn paths(&self, pool: &Pool) -> anyhow::Result<Vec<PathBuf>> {
        let rows = self.out.as_deref().map(|out| output_paths(pool, out)).transpose()?;
        Ok(rows.into_iter().flatten().chain(self.index.clone()).collect())
    }

    /// Refuses a target that would overwrite the data, the table, or a part of itself.
    pub(crate) fn check(&self, pool: &Pool, table: &Path) -> anyhow::Result<()> {
        let data = pool.files().iter().map(|file| ("a data file", file.path()));
        let inputs: Vec<_> = data.chain([("the score table", table)]).collect();
        outputs::check(&self.paths(pool)?, &inputs)
    }
}

/// The columns of a score table that some strategies read.
pub(crate) fn columns_of<'a>(
    strategies: impl IntoIterator<Item = &'a str>,
    settings: &SelectSettings,
) -> anyhow::Result<ColumnSet> {
    let mut wanted = ColumnSet::default();
    for name in strategies {
        wanted.extend(settings.strategy(name)?.columns());
    }
    wanted.extend(shape::columns(&settings.shape));
    Ok(wanted)
}

/// Whether choosing looks at the rows of the data files, beside those of the score table.
pub(crate) fn reads_rows(strategy: &str, settings: &SelectSettings) -> anyhow::Result<bool> {
    let needs = settings.strategy(strategy)?.info().needs;
    let of_strategy = needs.iter().any(|need| matches!(need, Need::Prompts | Need::Rating));
    Ok(of_strategy || shape::reads_rows(&settings.shape))
}

/// Chooses rows of a table, of which the strategy's columns are read, and writes them.
pub(crate) fn select_and_write(
    table: &ScoreFile,
    columns: &ScoreColumns,
    pool: &Pool,
    strategy: &str,
    settings: &SelectSettings,
    target: &SelectionTarget,
) -> anyhow::Result<SelectionReport> {
    let strategy = with_data(settings.strategy(strategy)?, table, pool, settings)?;
    let request = Request { budget: settings.budget()?, direction: settings.direction.map(Direction::from) };
    let shape = shape::shape(&settings.shape, columns, pool, &strategy)?;
    let shaped = select_shaped(columns, &strategy, &request, &shape)?;
    let selection = &shaped.selection;
    let summary = summarize(columns, &strategy, selection);
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
    let Shaped { selection, left_out, strata } = shaped;
    let score = strategy.info().score;
    Ok(SelectionReport { selection, left_out, strata, summary, written, reasons, score, has_budget })
}

/// A strategy with what it needs beside sums of losses.
fn with_data(
    strategy: Strategy,
    table: &ScoreFile,
    pool: &Pool,
    settings: &SelectSettings,
) -> anyhow::Result<Strategy> {
    match (&strategy, &settings.rating) {
        (Strategy::SelectiveIfd(_), _) => Ok(Strategy::SelectiveIfd(tokens::selective_ifd(table)?)),
        (Strategy::Quality(_), Some(column)) => Ok(Strategy::Quality(Ratings {
            values: read_ratings(pool, column)?,
            at_least: settings.min_rating,
        })),
        (Strategy::Quality(_), None) => {
            bail!("the strategy quality needs ratings: name their column with `--rating`")
        }
        _ => Ok(strategy),
    }
}

/// The numbers of a column over all files; numbers written as text count too.
fn read_ratings(pool: &Pool, column: &str) -> anyhow::Result<Numbers> {
    let mut ratings = Numbers::new();
    for file in pool.files() {
        let number = |value: Option<Value>| match value? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let values: Numbers = file.column(column)?.into_iter().map(number).collect();
        if !values.has_any() {
            bail!(
                "data file `{}`: expected ratings in column `{column}`, found no number",
                file.path().display()
            );
        }
        ratings.append(&values);
    }
    Ok(ratings)
}
