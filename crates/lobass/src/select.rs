//! Selecting among scored rows in memory.

use lobass_core::{Budget, Selection};
use lobass_data::Pool;
use lobass_select::Strategy;

use crate::error::{Result, bail};
use crate::score::Scored;
use crate::selection::{SelectionReport, SelectionTarget, Selector, columns_of, reads_rows};
use crate::settings::{SelectSettings, available_threads};

/// Rows that a strategy keeps, best first.
#[derive(Debug, Clone)]
pub struct Kept {
    selection: Selection,
}

impl Kept {
    /// The kept rows, best first, as positions among the rows that were scored.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.selection.selected.iter().map(|kept| usize::try_from(kept.row).unwrap_or(usize::MAX))
    }

    /// The number of kept rows.
    pub fn len(&self) -> usize {
        self.selection.selected.len()
    }

    /// Whether no rows are kept.
    pub fn is_empty(&self) -> bool {
        self.selection.selected.is_empty()
    }

    /// The selection: the strategy, the budget, and the score of each kept row.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }
}

/// Keeps the best rows by a strategy, such as `lobass`, up to a budget.
///
/// # Errors
/// If the strategy is unknown, or the scored rows lack a column that it needs: `lobass` needs a reference, for example.
pub fn select(scored: &Scored, strategy: &str, budget: Budget) -> Result<Kept> {
    let settings = SelectSettings {
        strategies: vec![strategy.to_owned()],
        budget: Some(budget.to_string()),
        ..SelectSettings::default()
    };
    select_with(scored, &settings)
}

/// Keeps the best rows by the first strategy of the settings. The settings also say how rows are to differ, which rows
/// are left out, and how the budget is split.
///
/// # Errors
/// If settings contradict each other, or the scored rows lack a column that the strategy needs.
pub fn select_with(scored: &Scored, settings: &SelectSettings) -> Result<Kept> {
    let name = settings.strategies.first().map_or("lobass", String::as_str);
    settings.check([name])?;
    select_by(scored, settings.strategy(name)?, settings)
}

/// Keeps the best rows by any strategy, such as one of your own, with some settings, whose own strategies are not used.
///
/// # Errors
/// If the scored rows lack what the strategy needs.
pub fn select_by(scored: &Scored, strategy: &dyn Strategy, settings: &SelectSettings) -> Result<Kept> {
    let wanted = columns_of([strategy], settings, scored.manifest())?;
    let columns = scored.table.columns(&wanted, settings.seed, available_threads())?;
    let pool = pool_for(scored, strategy, settings, false)?;
    let selector = Selector::open(&scored.table, pool, [strategy], settings)?;
    let chosen = selector.choose(&columns, strategy, settings)?;
    Ok(Kept { selection: chosen.selection })
}

/// Keeps the best rows by the first strategy of the settings, and writes them and a list of them as the target says.
///
/// # Errors
/// The errors of [`select_with`]; if an output would replace an input, or cannot be written.
pub fn select_and_report(
    scored: &Scored,
    settings: &SelectSettings,
    target: &SelectionTarget,
) -> Result<SelectionReport> {
    let name = settings.strategies.first().map_or("lobass", String::as_str);
    settings.check([name])?;
    let strategy = settings.strategy(name)?;
    let wanted = columns_of([strategy], settings, scored.manifest())?;
    let columns = scored.table.columns(&wanted, settings.seed, available_threads())?;
    let pool = pool_for(scored, strategy, settings, target.out.is_some())?;
    target.check(pool, scored.table.path(), settings)?;
    let selector = Selector::open(&scored.table, pool, [strategy], settings)?;
    selector.choose_and_write(&columns, strategy, settings, target)
}

/// The rows of a table, all of which have to be there if they are read.
fn pool_for<'a>(
    scored: &'a Scored,
    strategy: &dyn Strategy,
    settings: &SelectSettings,
    writes_rows: bool,
) -> Result<&'a Pool> {
    let (pool, inputs) = (&scored.pool, &scored.manifest().inputs);
    if pool.files().len() == inputs.len() || !(writes_rows || reads_rows(strategy, settings)) {
        return Ok(pool);
    }
    let has = |source: &str| pool.files().iter().any(|file| file.source() == source);
    let missing = inputs.iter().find(|input| !has(&input.source)).map_or("", |input| &input.path);
    bail!(
        Table,
        "data file `{missing}` of the score table is not there; give the rows that were scored with the table"
    );
}
