//! The counts of a table, taken while it is written.

use std::collections::BTreeMap;

use lobass_core::{RowStatus, ScoreRecord};

use crate::Manifest;

/// A description of a sealed table.
#[derive(Debug, Clone, PartialEq)]
pub struct SealReport {
    /// The manifest of the table.
    pub manifest: Manifest,
    /// Tokens of all scored rows, of pairs those of both sides.
    pub n_tokens: u64,
    /// Scored tokens of all scored rows, of pairs those of both sides.
    pub n_scored: u64,
    /// The first row of each status that has a reason, and that reason.
    pub reasons: BTreeMap<RowStatus, (u64, String)>,
    /// Whether there are losses under two models, and those of every row are equal: the models compute the same, and
    /// scores made of both say nothing.
    pub models_agree: bool,
}

/// The counts of a table, row by row.
#[derive(Default)]
pub(crate) struct Tally {
    /// Rows of each status.
    pub(crate) counts: BTreeMap<RowStatus, u64>,
    reasons: BTreeMap<RowStatus, (u64, String)>,
    n_tokens: u64,
    n_scored: u64,
    /// Rows with losses under two models.
    n_compared: u64,
    /// Whether the losses of any row differ.
    differ: bool,
}

impl Tally {
    /// Counts a row.
    pub(crate) fn count(&mut self, record: &ScoreRecord) {
        *self.counts.entry(record.status).or_default() += 1;
        if let Some(reason) = &record.reason {
            self.reasons.entry(record.status).or_insert_with(|| (record.row, reason.clone()));
        }
        if record.status.is_scored() {
            let rejected = record.rejected.map_or(0, |rejected| rejected.n_scored);
            self.n_tokens += record.n_tokens_read();
            self.n_scored += u64::from(record.n_scored) + u64::from(rejected);
            self.compare(record);
        }
    }

    fn compare(&mut self, record: &ScoreRecord) {
        let other = record.rejected.map(|rejected| (rejected.base, rejected.reference));
        for (base, reference) in std::iter::once((record.base, record.reference)).chain(other) {
            if let (Some(base), Some(reference)) = (base, reference) {
                self.n_compared += 1;
                self.differ |= base.sum != reference.sum;
            }
        }
    }

    /// The report of the table with its manifest.
    pub(crate) fn report(self, manifest: Manifest) -> SealReport {
        let models_agree = self.n_compared > 0 && !self.differ;
        let Self { n_tokens, n_scored, reasons, .. } = self;
        SealReport { manifest, n_tokens, n_scored, reasons, models_agree }
    }
}
