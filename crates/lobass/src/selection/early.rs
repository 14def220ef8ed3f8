//! Checks of a selection before there is a score table: whether the data has what settings name, and whether the table
//! will have what strategies read.

use std::collections::{HashMap, HashSet};

use lobass_core::{ExampleKey, ModelRole, Numbers};
use lobass_data::Pool;
use lobass_run::InputRecord;
use lobass_select::{Choice, NamedShares, Need, SelectError, Strata, Strategy};

use super::epochs::epochs;
use super::{ratings, sets, shape};
use crate::error::{Context as _, Result, bail};
use crate::faults::Faults;
use crate::sequences::KnownRows;
use crate::settings::SelectSettings;

/// The score table that there will be.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The rows that it will be about.
    pub pool: &'a Pool,
    /// The files of the pool, with what is in them.
    pub inputs: &'a [InputRecord],
    /// The roles of its models.
    pub roles: &'a [ModelRole],
    /// How many references it joins into one column.
    pub n_references: usize,
}

impl KnownRows for Expected<'_> {
    fn n_rows(&self) -> u64 {
        self.inputs.iter().map(|input| input.n_rows).sum()
    }

    fn names(&self, rows: &[u64]) -> Result<Vec<(ExampleKey, String)>> {
        let wanted: HashSet<u64> = rows.iter().copied().collect();
        let mut found = HashMap::new();
        for row in self.pool.rows() {
            let row = row?;
            if wanted.contains(&row.row) {
                found.insert(row.row, (row.key, self.pool.files()[row.file].source().to_owned()));
            }
        }
        let name = |row: &u64| found.get(row).cloned().with_context(|| format!("the pool has no row {row}"));
        rows.iter().map(name).collect()
    }
}

/// Looks for everything that would keep strategies from selecting from a table.
///
/// # Errors
/// Every fault that is found.
pub fn check_data(settings: &SelectSettings, table: &Expected<'_>) -> Result<()> {
    let mut faults = Faults::default();
    for name in &settings.strategies {
        let Some(strategy) = faults.take(settings.strategy(name)) else { continue };
        faults.take(check_strategy(strategy, settings, table));
    }
    faults.take(check_ratings(settings, table));
    faults.take(check_quota(settings, table));
    faults.take(sets::open(&settings.sets, table.inputs));
    faults.end()
}

fn check_strategy(strategy: &dyn Strategy, settings: &SelectSettings, table: &Expected<'_>) -> Result<()> {
    let chooses_by_rank = matches!(strategy.choice(), Choice::Ranks);
    if matches!(strategy.choice(), Choice::LengthsOf) {
        check_strategy(settings.lengths_of()?, settings, table)?;
    }
    let name = || strategy.to_string();
    if !chooses_by_rank && settings.sets.diversity.is_some() {
        return Err(SelectError::TwoSets { strategy: name() }.into());
    }
    for need in strategy.info().needs {
        match need {
            Need::Pair if !has_pairs(table.pool)? => {
                return Err(SelectError::NoPairs { strategy: name() }.into());
            }
            Need::Tokens if table.n_references > 1 => bail!(
                Selection,
                "strategy `{strategy}`: it reads the loss of each token, which is stored for a single reference, found {}; leave \
                 out `--reference-mode cross-fit` and `--seeds`, or use a separate run",
                table.n_references
            ),
            Need::Trajectory if epochs(table.roles).len() < 2 => {
                return Err(SelectError::NoTrajectory { strategy: name() }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether any row is a pair; reads no further than the first of them.
fn has_pairs(pool: &Pool) -> Result<bool> {
    for row in pool.rows() {
        if row?.example.is_ok_and(|example| example.rejected.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_ratings(settings: &SelectSettings, table: &Expected<'_>) -> Result<()> {
    let (Some(ratings), Some(least)) = (ratings_of(settings, table)?, settings.min_rating) else {
        return Ok(());
    };
    let highest = ratings.iter().flatten().filter(|rating| rating.is_finite()).reduce(f64::max);
    match highest {
        Some(highest) if highest < least => {
            bail!(Selection, "expected a rating of {least} or more, found none: the highest is {highest}")
        }
        _ => Ok(()),
    }
}

/// The ratings that settings name, if they name any.
pub(super) fn ratings_of(settings: &SelectSettings, table: &Expected<'_>) -> Result<Option<Numbers>> {
    match (&settings.ratings, &settings.rating) {
        (Some(file), column) => ratings::of_file(file, column.as_deref(), table).map(Some),
        (None, Some(column)) => ratings::of_data(table.pool, column).map(Some),
        (None, None) => Ok(None),
    }
}

fn check_quota(settings: &SelectSettings, table: &Expected<'_>) -> Result<()> {
    let Some(by) = &settings.shape.quota_by else { return Ok(()) };
    let strata = match by.as_str() {
        "length" => return Ok(()),
        "source" => Strata::of_values(table.pool.files().iter().map(lobass_data::DataFile::source)),
        column => shape::of_column(column, table.pool, usize::try_from(table.n_rows())?)?,
    };
    match &settings.shape.shares {
        Some(shares) => Ok(shares.parse::<NamedShares>()?.of(&strata).map(|_| ())?),
        None => Ok(()),
    }
}
