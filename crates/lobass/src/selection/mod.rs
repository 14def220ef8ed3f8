//! Choosing rows and writing them.

mod early;
mod epochs;
mod gathered;
mod keys;
mod prompts;
mod ratings;
mod reach;
mod report;
mod samples;
mod selector;
mod sets;
mod shape;
mod target;
mod tokens;
mod write;

use lobass_core::ColumnSet;
use lobass_run::Manifest;
use lobass_select::{Need, Strategy};

use epochs::{epochs, roles};

use crate::error::Result;
use crate::settings::SelectSettings;

pub use early::{Expected, check_data};
pub use reach::{check_scored, check_tokenized, reads_bounds};
pub use report::SelectionReport;
pub use samples::SampleFacts;
pub use selector::Selector;
pub(crate) use shape::check_rows;
pub use target::SelectionTarget;
pub(crate) use write::write_selection;

/// The columns of a score table that some strategies and settings read.
///
/// Hashes of keys are among them for several strategies. For one strategy, a [`Selector`] reads the few that it needs.
///
/// # Errors
/// If settings name a strategy that is unknown.
pub fn columns_of<'a>(
    strategies: impl IntoIterator<Item = &'a dyn Strategy>,
    settings: &SelectSettings,
    manifest: &Manifest,
) -> Result<ColumnSet> {
    let strategies: Vec<&dyn Strategy> = strategies.into_iter().collect();
    let several = strategies.len() > 1;
    let mut wanted = settings.needs(strategies)?.columns(&epochs(&roles(manifest)));
    wanted.extend(shape::columns(&settings.shape));
    wanted.ties = several;
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
