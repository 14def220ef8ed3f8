//! The report of rounds.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count};
use serde::Serialize;

use super::record::RoundRecord;
use crate::unused::{n_unusable, say_unused};

/// The report of rounds.
#[derive(Debug, Clone, Serialize)]
pub struct IrftReport {
    /// The checkpoint of the last round.
    pub model: PathBuf,
    /// The outcome of every round.
    pub rounds: Vec<RoundRecord>,
}

impl IrftReport {
    /// Whether there are rows that could not be used, or answers that no number was left for.
    pub fn falls_short(&self) -> bool {
        self.rounds.iter().any(|round| round.pairs.not_finite > 0 || n_unusable(&round.unused) > 0)
    }
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
            if pairs.not_finite > 0 {
                text.line(
                    "not finite",
                    format!("{} answers: the model gave such a number", count(pairs.not_finite)),
                );
            }
            say_unused(&round.unused, &mut text);
        }
        text.line("model", self.model.display());
        text.fmt(f)
    }
}
