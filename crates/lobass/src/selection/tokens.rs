//! Scores of rows from the losses of their tokens.

use lobass_core::Numbers;
use lobass_run::ScoreFile;
use lobass_select::{SELECTIVE_SHARE, selective_ifd_threshold};

use crate::error::Result;
use crate::model::UNCONDITIONAL;
use crate::settings::available_threads;

/// S-IFD of every row that has a token which its prompt matters to.
pub(super) fn selective_ifd(table: &ScoreFile) -> Result<Numbers> {
    let models = ["base", UNCONDITIONAL];
    let threshold = selective_ifd_threshold(SELECTIVE_SHARE, |take| {
        table.token_losses(&models, available_threads(), |row| {
            if row.status.is_eligible() {
                row.losses[0].iter().zip(&row.losses[1]).for_each(|(&with, &without)| take(with, without));
            }
            Ok(())
        })
    })?;
    let n_rows = usize::try_from(table.manifest().n_rows)?;
    let mut scores = Numbers::missing(n_rows);
    let Some(threshold) = threshold else { return Ok(scores) };
    table.token_losses(&models, available_threads(), |row| {
        let score = lobass_select::selective_ifd(&row.losses[0], &row.losses[1], threshold);
        if let Ok(at) = usize::try_from(row.row) {
            scores.set(at, score);
        }
        Ok(())
    })?;
    Ok(scores)
}
