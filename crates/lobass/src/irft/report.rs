//! The report of rounds.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count};
use serde::Serialize;

use super::record::RoundRecord;

/// The report of rounds.
#[derive(Debug, Clone, Serialize)]
pub struct IrftReport {
    /// The checkpoint of the last round.
    pub model: PathBuf,
    /// The outcome of every round.
    pub rounds: Vec<RoundRecord>,
}

impl fmt::Display for IrftReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        for round in &self.rounds {
            let RoundRecord { pairs, n_rows, n_tokens, .. } = round;
            text.line(
                "round",
                format!(
                    "{}: {} of {} answers became pairs ({} did not end, {} were the demonstration, {} have other tokens as \
                     text); mean length {:.1}; loss {:.4} at the first step, {:.4} at the last",
                    round.round,
                    count(pairs.written),
                    count(*n_rows),
                    count(pairs.unfinished),
                    count(pairs.same),
                    count(pairs.other_tokens),
                    *n_tokens as f64 / (*n_rows).max(1) as f64,
                    round.first_loss,
                    round.last_loss
                ),
            );
        }
        text.line("model", self.model.display());
        text.fmt(f)
    }
}
