//! Joining all units into the score table.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::{RowStatus, ScoreRecord};

use crate::join::join;
use crate::losses::RowLoss;
use crate::score::stage_name;
use crate::shard::Shard;
use crate::table::{TableRow, TableShape, TableWriter};
use crate::{Error, Manifest, Seal, WorkDir};

/// What is in a sealed table.
#[derive(Debug, Clone, PartialEq)]
pub struct SealReport {
    /// What the table says of itself.
    pub manifest: Manifest,
    /// Tokens of all scored rows, of pairs those of both sides.
    pub n_tokens: u64,
    /// Scored tokens of all scored rows, of pairs those of both sides.
    pub n_scored: u64,
    /// The first row of each status that has a reason, and that reason.
    pub reasons: BTreeMap<RowStatus, (u64, String)>,
}

impl WorkDir {
    /// Joins encoded rows and the losses of some models into a table, which appears whole or not at all.
    ///
    /// Of several references, `reference` is the mean of the summed losses under those that were not trained on the
    /// row: all of them, or with folds those that left its fold out; `in_sample` is that of the others. All sums are
    /// over the same tokens. A row under which any model has a loss that is not finite gets
    /// [`RowStatus::NonFinite`] and no numbers.
    ///
    /// # Errors
    /// [`Error::Unsealable`] if the models and their roles do not make a table, [`Error::Unfinished`] if a unit is not
    /// done, [`Error::Damaged`] if a unit's data is not what was committed.
    pub fn seal(&self, seal: &Seal, out: &Path) -> Result<SealReport, Error> {
        seal.check()?;
        let stages: Vec<String> = seal.models().map(|model| stage_name(model, seal.detail)).collect();
        self.check_finished(&stages)?;
        let mut manifest = self.plan.manifest(seal);
        let mut writer = TableWriter::create(out, TableShape::of(seal, manifest.pairs))?;
        let mut tally = Tally::default();
        for &shard in &self.plan.shards {
            let mut rows = self.joined(shard, &stages, seal)?;
            for row in &mut rows {
                mark_held_out(&mut row.record, seal);
                tally.count(&row.record);
            }
            writer.write(&rows)?;
        }
        manifest.counts = tally.counts;
        writer.finish(&manifest)?;
        let Tally { n_tokens, n_scored, reasons, .. } = tally;
        Ok(SealReport { manifest, n_tokens, n_scored, reasons })
    }

    fn check_finished(&self, stages: &[String]) -> Result<(), Error> {
        let mut missing = Vec::new();
        for stage in std::iter::once(crate::commit::ROWS).chain(stages.iter().map(String::as_str)) {
            for &shard in &self.plan.shards {
                if self.find(stage, shard)?.is_none() {
                    missing.push((shard.id, stage.to_owned()));
                }
            }
        }
        let all = self.plan.shards.len() * (1 + stages.len());
        match missing.first() {
            None => Ok(()),
            Some((shard, stage)) => {
                Err(Error::Unfinished { missing: missing.len(), all, shard: *shard, stage: stage.clone() })
            }
        }
    }

    fn joined(&self, shard: Shard, stages: &[String], seal: &Seal) -> Result<Vec<TableRow>, Error> {
        let losses: Vec<Vec<RowLoss>> =
            stages.iter().map(|stage| self.losses(stage, shard)).collect::<Result<_, _>>()?;
        let mut losses: Vec<_> = losses.into_iter().map(|losses| losses.into_iter().peekable()).collect();
        let rows = self.rows(shard)?;
        rows.into_iter()
            .map(|row| {
                let number = row.row;
                // Losses are in row order and skip rows that are not scored.
                let of_row =
                    losses.iter_mut().map(|losses| losses.next_if(|loss| loss.row == number)).collect();
                join(row, of_row, seal).ok_or_else(|| Error::Damaged {
                    path: self.store.root().to_owned(),
                    reason: format!("row {number}: its losses do not fit its tokens"),
                })
            })
            .collect()
    }
}

/// What is counted on the way.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<RowStatus, u64>,
    reasons: BTreeMap<RowStatus, (u64, String)>,
    n_tokens: u64,
    n_scored: u64,
}

impl Tally {
    fn count(&mut self, record: &ScoreRecord) {
        *self.counts.entry(record.status).or_default() += 1;
        if let Some(reason) = &record.reason {
            self.reasons.entry(record.status).or_insert_with(|| (record.row, reason.clone()));
        }
        if record.status.is_scored() {
            let rejected = record.rejected.map_or(0, |rejected| rejected.n_scored);
            self.n_tokens += record.n_tokens_read();
            self.n_scored += u64::from(record.n_scored) + u64::from(rejected);
        }
    }
}

fn mark_held_out(record: &mut ScoreRecord, seal: &Seal) {
    if record.status.is_scored() && seal.held_out.rows.contains(&record.row) {
        record.status = RowStatus::HeldOut;
        record.reason = Some(seal.held_out.reason.clone());
        record.in_sample = None; // no reference was trained on it, whatever its fold
    }
}
