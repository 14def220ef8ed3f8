//! Joining all units into the score table.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use lobass_core::{RowStatus, ScoreRecord};
use lobass_files::WholeFile;

use crate::audit::Audit;
use crate::commit::Commit;
use crate::join::{join, unscored_record};
use crate::rows::EncodedRow;
use crate::shard::Shard;
use crate::table::{TableRow, TableShape, TableWriter};
use crate::tally::{SealReport, Tally};
use crate::unread::UnreadTally;
use crate::{Error, ScoreFile, Seal, WorkDir};

impl WorkDir {
    /// Joins encoded rows and the losses of some models into a table, which appears whole or not at all.
    ///
    /// With several references, `reference` is the mean of the summed losses under those that were not trained on the
    /// row. Those are all references or, with folds, the ones that left its fold out; `in_sample` is the mean of the
    /// others. Several null models are joined into `null` in the same way. All sums are over the same tokens. A row under which any model has a loss that is not finite gets
    /// [`RowStatus::NonFinite`] and no numbers.
    ///
    /// # Errors
    /// [`Error::Unsealable`] if the models and their roles do not make a table. [`Error::Unfinished`] if a unit is not
    /// done. [`Error::Quarantined`] if a unit was given up. [`Error::Mixture`] or [`Error::Surprise`] if there are
    /// commits that the plan does not ask for. [`Error::Damaged`] if a unit's data is not what was committed.
    pub fn seal(&self, seal: &Seal, out: &Path) -> Result<SealReport, Error> {
        self.seal_without(seal, 0, out)
    }

    /// [`WorkDir::seal`] without up to `n_given_up` units that were given up: the rows of their shards get
    /// [`RowStatus::Quarantined`].
    ///
    /// # Errors
    /// The errors of [`WorkDir::seal`].
    pub fn seal_without(&self, seal: &Seal, n_given_up: usize, out: &Path) -> Result<SealReport, Error> {
        seal.check()?;
        let audit = self.audit(seal, n_given_up)?;
        let (file, report) = self.write_table(seal, audit, out, WholeFile::create(out)?)?;
        file.finish()?;
        Ok(report)
    }

    /// [`WorkDir::seal`] into memory.
    ///
    /// # Errors
    /// The errors of [`WorkDir::seal`].
    pub fn seal_in_memory(&self, seal: &Seal) -> Result<(ScoreFile, SealReport), Error> {
        seal.check()?;
        let name = Path::new("the score table in memory");
        let (bytes, report) = self.write_table(seal, self.audit(seal, 0)?, name, Vec::new())?;
        Ok((ScoreFile::of_bytes(name, bytes.into())?, report))
    }

    /// Writes the table of a seal, whose units are all there.
    fn write_table<W: Write + Send>(
        &self,
        seal: &Seal,
        audit: Audit,
        name: &Path,
        sink: W,
    ) -> Result<(W, SealReport), Error> {
        let mut manifest = self.plan.manifest(seal.records(), seal.detail);
        (manifest.mode, manifest.folds) = ((!seal.references.is_empty()).then_some(seal.mode), seal.folds);
        manifest.unseen = seal.null.as_ref().map(|null| null.unseen);
        let mut writer = TableWriter::new(name, sink, TableShape::of(seal, manifest.pairs))?;
        let mut tally = Tally::default();
        let mut unread = UnreadTally::default();
        for shards in self.plan.shards.chunks(SHARDS_AT_ONCE) {
            let data = self.fetch(shards, &audit)?;
            for &shard in shards {
                let mut rows = self.joined(shard, &audit, &data, seal, &mut unread)?;
                for row in &mut rows {
                    mark_held_out(&mut row.record, seal);
                    tally.count(&row.record);
                }
                writer.write(&rows)?;
            }
        }
        manifest.counts = tally.counts.clone();
        manifest.unread = unread.records_of(&self.plan);
        manifest.digest = Some(audit.digest);
        let sink = writer.finish(&manifest)?;
        Ok((sink, tally.report(manifest)))
    }

    /// The data of some shards, by the name of its file.
    fn fetch(&self, shards: &[Shard], audit: &Audit) -> Result<HashMap<String, Bytes>, Error> {
        let stages = || std::iter::once(&audit.rows).chain(&audit.losses);
        let names = shards
            .iter()
            .flat_map(|shard| stages().filter_map(|stage| Some(stage.get(&shard.id)?.file.clone())));
        let names: Vec<String> = names.collect();
        let found = self.store.get_all(&names)?;
        Ok(names.into_iter().zip(found).filter_map(|(name, bytes)| Some((name, bytes?))).collect())
    }

    fn joined(
        &self,
        shard: Shard,
        audit: &Audit,
        data: &HashMap<String, Bytes>,
        seal: &Seal,
        unread: &mut UnreadTally,
    ) -> Result<Vec<TableRow>, Error> {
        // Two roles of the same weights have the same data.
        let find = |commit: &Commit| data.get(&commit.file).cloned();
        let rows = &audit.rows[&shard.id];
        let rows = self.rows_of(rows, find(rows))?;
        for row in &rows {
            unread.add_row(row);
        }
        if let Some(role) = audit.given_up.get(&shard.id) {
            return Ok(rows.into_iter().map(|row| given_up(row, shard, role)).collect());
        }
        let mut losses = Vec::new();
        for commit in audit.losses.iter().map(|stage| &stage[&shard.id]) {
            losses.push(self.losses_of(commit, find(commit))?.into_iter().peekable());
        }
        rows.into_iter()
            .map(|row| {
                let number = row.row;
                // Losses are in row order and skip rows that are not scored.
                let of_row =
                    losses.iter_mut().map(|losses| losses.next_if(|loss| loss.row == number)).collect();
                join(row, of_row, seal).ok_or_else(|| Error::Damaged {
                    path: self.store.path(""),
                    reason: format!("row {number}: its losses do not match its tokens"),
                })
            })
            .collect()
    }
}

/// Shards whose data is read beside each other, and in memory at once.
const SHARDS_AT_ONCE: usize = 16;

/// A row of a shard that was given up: as it was read, without a number.
fn given_up(row: EncodedRow, shard: Shard, role: &str) -> TableRow {
    let mut record = unscored_record(row);
    if record.status.is_scored() {
        record.status = RowStatus::Quarantined;
        record.reason = Some(format!("its shard, {}, was given up under model `{role}`", shard.id));
    }
    TableRow::without_losses(record)
}

fn mark_held_out(record: &mut ScoreRecord, seal: &Seal) {
    if record.status.is_scored() && seal.held_out.rows.contains(&record.row) {
        record.status = RowStatus::HeldOut;
        record.reason = Some(seal.held_out.reason.clone());
        record.in_sample = None; // no reference was trained on it, whatever its fold
    }
}
