//! Joining all units into the score table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lobass_core::{Detail, Nll, RowStatus, ScoreRecord};

use crate::losses::RowLoss;
use crate::rows::EncodedRow;
use crate::score::stage_name;
use crate::shard::Shard;
use crate::table::{TableRow, TableWriter};
use crate::{Error, Manifest, ModelKey, WorkDir};

/// What is in a sealed table.
#[derive(Debug, Clone, PartialEq)]
pub struct SealReport {
    /// What the table says of itself.
    pub manifest: Manifest,
    /// Tokens of all scored rows.
    pub n_tokens: u64,
    /// Scored tokens of all scored rows.
    pub n_scored: u64,
    /// The first row of each status that has a reason, and that reason.
    pub reasons: BTreeMap<RowStatus, (u64, String)>,
}

impl WorkDir {
    /// Joins encoded rows and the losses of some models into a table, which appears whole or not at all.
    ///
    /// `held_out` are rows that the reference was not trained on though it was trained on the others; they get
    /// [`RowStatus::HeldOut`]. A row under which any model has a loss that is not finite gets [`RowStatus::NonFinite`] and no numbers.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if a unit is not done, [`Error::Damaged`] if a unit's data is not what was committed.
    pub fn seal(
        &self,
        models: &[ModelKey],
        detail: Detail,
        held_out: &BTreeSet<u64>,
        out: &Path,
    ) -> Result<SealReport, Error> {
        let stages: Vec<String> = models.iter().map(|model| stage_name(model, detail)).collect();
        self.check_finished(&stages)?;
        let roles: Vec<String> = models.iter().map(|model| model.role.clone()).collect();
        let mut manifest = self.plan.manifest(models);
        manifest.per_token = detail == Detail::PerToken;

        let mut writer = TableWriter::create(out, &roles, detail)?;
        let mut counts: BTreeMap<RowStatus, u64> = BTreeMap::new();
        let mut reasons = BTreeMap::new();
        let (mut n_tokens, mut n_scored) = (0, 0);
        for &shard in &self.plan.shards {
            let mut rows = self.joined(shard, &stages)?;
            for row in &mut rows {
                mark_held_out(&mut row.record, held_out);
                *counts.entry(row.record.status).or_default() += 1;
                if let Some(reason) = &row.record.reason {
                    reasons.entry(row.record.status).or_insert_with(|| (row.record.row, reason.clone()));
                }
                if row.record.status.is_scored() {
                    n_tokens += u64::from(row.record.n_tokens);
                    n_scored += u64::from(row.record.n_scored);
                }
            }
            writer.write(&rows)?;
        }
        manifest.counts = counts;
        writer.finish(&manifest)?;
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

    fn joined(&self, shard: Shard, stages: &[String]) -> Result<Vec<TableRow>, Error> {
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
                join(row, of_row).ok_or_else(|| Error::Damaged {
                    path: self.store.root().to_owned(),
                    reason: format!("row {number}: its losses do not fit its tokens"),
                })
            })
            .collect()
    }
}

fn mark_held_out(record: &mut ScoreRecord, held_out: &BTreeSet<u64>) {
    if record.status.is_scored() && held_out.contains(&record.row) {
        record.status = RowStatus::HeldOut;
        record.reason = Some("held out of the reference's training".to_owned());
    }
}

/// One row of the table; `None` if the losses are not those of this row's tokens.
fn join(row: EncodedRow, losses: Vec<Option<RowLoss>>) -> Option<TableRow> {
    let EncodedRow { row, key, status, reason, source, n_tokens, sequence } = row;
    let n_scored =
        sequence.as_ref().map_or(0, |sequence| u32::try_from(sequence.n_scored()).unwrap_or(u32::MAX));
    let n_tokens = sequence.as_ref().map_or(n_tokens, |s| u32::try_from(s.n_tokens()).unwrap_or(u32::MAX));
    let mut record =
        ScoreRecord { row, key, status, reason, source, n_tokens, n_scored, base: None, reference: None };
    if sequence.is_none() {
        let none = losses.iter().all(Option::is_none);
        return none.then_some(TableRow {
            record,
            nlls: vec![None; losses.len()],
            tokens: vec![None; losses.len()],
        });
    }
    let losses: Vec<RowLoss> = losses.into_iter().collect::<Option<_>>()?;
    if losses.iter().any(|loss| loss.n_scored != n_scored) {
        return None;
    }
    if let Some(bad) = losses.iter().find(|loss| !loss.nll.is_finite()) {
        record.status = RowStatus::NonFinite;
        record.reason = Some(format!("a model gave a loss of {}", bad.nll));
        return Some(TableRow { record, nlls: vec![None; losses.len()], tokens: vec![None; losses.len()] });
    }
    let nlls =
        losses.iter().map(|loss| Some(Nll { sum: loss.nll, n_scored: loss.n_scored.into() })).collect();
    let tokens = losses.into_iter().map(|loss| loss.per_token).collect();
    Some(TableRow { record, nlls, tokens })
}
