//! A table of imported losses, written row by row.

use std::io::Write;
use std::path::Path;

use lobass_core::{Detail, Nll, RejectedRecord, RowStatus, ScoreRecord, Sequence};
use lobass_data::{Encoder, Pool};
use lobass_files::WholeFile;

use super::entry::Side;
use super::fault;
use super::source::ImportedLosses;
use crate::commit::ValueHash;
use crate::encode::encode_rows;
use crate::join::unscored_record;
use crate::losses::{self, RowLoss};
use crate::rows::{self, EncodedRow};
use crate::table::{TableRow, TableShape, TableWriter};
use crate::tally::{SealReport, Tally};
use crate::unread::UnreadTally;
use crate::{Error, Plan, Progress, ScoreFile, Stage};

/// A score table that is to be made of losses that another program computed.
#[derive(Debug)]
pub struct ImportRequest<'a> {
    /// The rows.
    pub pool: &'a Pool,
    /// What makes sequences of them.
    pub encoder: &'a Encoder,
    /// The plan of both.
    pub plan: &'a Plan,
    /// The losses under the base.
    pub base: ImportedLosses,
    /// The losses under the reference, if there is one.
    pub reference: Option<ImportedLosses>,
    /// Whether the loss of each token is kept.
    pub detail: Detail,
    /// Threads that encode rows.
    pub threads: usize,
}

impl ImportRequest<'_> {
    /// Writes the table to a file, which appears whole or not at all.
    ///
    /// A row that has no loss under one of the models gets [`RowStatus::NoLoss`], one with a loss that is not finite
    /// [`RowStatus::NonFinite`], and neither has numbers. `goes_on` is asked before each shard.
    ///
    /// # Errors
    /// [`Error::Losses`] if a loss does not fit its row, or belongs to no row. [`Error::Data`], [`Error::DataChanged`], or
    /// [`Error::Overlong`] for rows, as in scoring. [`Error::Unfinished`] if it was not to go on.
    pub fn write(
        self,
        out: &Path,
        goes_on: &mut dyn FnMut() -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<SealReport, Error> {
        let (file, report) = self.write_to(out, WholeFile::create(out)?, goes_on, observe)?;
        file.finish()?;
        Ok(report)
    }

    /// [`ImportRequest::write`] into memory.
    ///
    /// # Errors
    /// The errors of [`ImportRequest::write`].
    pub fn in_memory(
        self,
        goes_on: &mut dyn FnMut() -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(ScoreFile, SealReport), Error> {
        let name = Path::new("the score table in memory");
        let (bytes, report) = self.write_to(name, Vec::new(), goes_on, observe)?;
        Ok((ScoreFile::of_bytes(name, bytes.into())?, report))
    }

    fn write_to<W: Write + Send>(
        mut self,
        name: &Path,
        sink: W,
        goes_on: &mut dyn FnMut() -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(W, SealReport), Error> {
        self.check_detail()?;
        let plan = self.plan;
        let models = self.models().map(|losses| losses.model.clone().into()).collect();
        let mut manifest = plan.manifest(models, self.detail);
        let roles = self.models().map(|losses| losses.model.role.to_string()).collect();
        let shape = TableShape::of_import(roles, manifest.pairs, self.detail);
        let mut writer = TableWriter::new(name, sink, shape)?;
        let mut written = Written::new(plan);
        let mut progress = Progress::new(Stage::Encode, plan.n_rows());
        let mut pool = self.pool.rows();
        for &shard in &plan.shards {
            if !goes_on() {
                let (all, stage) = (plan.shards.len(), "import".to_owned());
                return Err(Error::Unfinished { missing: all, all, shard: shard.id, stage });
            }
            let raw = plan.take(&mut pool, shard)?;
            let encoded = encode_rows(self.pool, self.encoder, &raw, self.threads)?;
            progress.n_tokens += encoded.iter().map(|row| u64::from(row.n_tokens)).sum::<u64>();
            writer.write(&self.table_rows(encoded, &mut written)?)?;
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        plan.check_end(self.pool, &mut pool)?;
        self.models().try_for_each(ImportedLosses::check_left_over)?;
        manifest.counts = written.tally.counts.clone();
        manifest.unread = written.unread.records_of(plan);
        manifest.digest = Some(written.hash.hex());
        let sink = writer.finish(&manifest)?;
        Ok((sink, written.tally.report(manifest)))
    }

    fn models(&self) -> impl Iterator<Item = &ImportedLosses> {
        std::iter::once(&self.base).chain(&self.reference)
    }

    /// Refuses sums where losses of tokens are asked for.
    fn check_detail(&self) -> Result<(), Error> {
        let mut sums = self.models().filter(|losses| !losses.are_tokens());
        match sums.next().filter(|_| self.detail == Detail::PerToken) {
            Some(sums) => {
                let reason = "expected the log-probability of each token, found sums";
                Err(fault::of_file(sums.path(), reason))
            }
            None => Ok(()),
        }
    }

    /// The rows of a shard with their losses.
    fn table_rows(
        &mut self,
        encoded: Vec<EncodedRow>,
        written: &mut Written,
    ) -> Result<Vec<TableRow>, Error> {
        written.hash.text(&rows::digest(&encoded));
        let mut losses_of_shard = Vec::new();
        let mut table_rows = Vec::new();
        for row in encoded {
            written.unread.add_row(&row);
            let found = match &row.sequence {
                Some(sequence) => self.losses(&row, sequence)?,
                None => {
                    let mut models = std::iter::once(&mut self.base).chain(&mut self.reference);
                    models.try_for_each(|losses| losses.skip(row.row, &row.key))?;
                    Found::None
                }
            };
            if let Found::All(losses) = &found {
                losses_of_shard.extend(losses.iter().cloned());
            }
            let row = joined(row, found, self.detail);
            written.tally.count(&row.record);
            table_rows.push(row);
        }
        written.hash.text(&losses::digest(&losses_of_shard));
        Ok(table_rows)
    }

    /// The losses of a row under all models.
    fn losses(&mut self, row: &EncodedRow, sequence: &Sequence) -> Result<Found, Error> {
        let (mut all, mut missing) = (Vec::new(), None);
        for losses in std::iter::once(&mut self.base).chain(&mut self.reference) {
            match row_loss(losses, row, sequence)? {
                Ok(loss) => all.push(loss),
                Err(what) => {
                    missing =
                        missing.or(Some(format!("`{}` has no loss of {what}", losses.path().display())));
                }
            }
        }
        Ok(missing.map_or(Found::All(all), Found::Missing))
    }
}

/// The loss of a row under one model, or what it is missing for.
fn row_loss(
    losses: &mut ImportedLosses,
    row: &EncodedRow,
    sequence: &Sequence,
) -> Result<Result<RowLoss, &'static str>, Error> {
    let chosen = losses.of(row.row, &row.key, Side::Chosen, sequence)?;
    let mut rejected = None;
    if let Some(other) = &row.rejected {
        let Some(loss) = losses.of(row.row, &row.key, Side::Rejected, other)? else {
            return Ok(Err("its rejected response"));
        };
        rejected = Some((loss.nll, n_scored(other)));
    }
    let Some(chosen) = chosen else { return Ok(Err("it")) };
    let (row, n_scored) = (row.row, n_scored(sequence));
    Ok(Ok(RowLoss { row, nll: chosen.nll, n_scored, per_token: chosen.per_token, rejected }))
}

/// What is collected while rows are written.
struct Written {
    tally: Tally,
    unread: UnreadTally,
    hash: ValueHash,
}

impl Written {
    fn new(plan: &Plan) -> Self {
        let mut hash = ValueHash::default();
        hash.text(&plan.id());
        hash.text("imported");
        Self { tally: Tally::default(), unread: UnreadTally::default(), hash }
    }
}

/// The losses of a row.
enum Found {
    /// The row is not scored.
    None,
    /// Those under all models, in their order.
    All(Vec<RowLoss>),
    /// One of them is missing, and why.
    Missing(String),
}

fn n_scored(sequence: &Sequence) -> u32 {
    u32::try_from(sequence.n_scored()).unwrap_or(u32::MAX)
}

/// A row of the table.
fn joined(row: EncodedRow, found: Found, detail: Detail) -> TableRow {
    let sequence = row.sequence.clone().filter(|_| detail == Detail::PerToken);
    let mut record = unscored_record(row);
    let losses = match found {
        Found::None => return TableRow::without_losses(record),
        Found::Missing(reason) => {
            (record.status, record.reason) = (RowStatus::NoLoss, Some(reason));
            return TableRow::without_losses(record);
        }
        Found::All(losses) => losses,
    };
    if let Some(bad) = losses.iter().find_map(RowLoss::not_finite) {
        record.status = RowStatus::NonFinite;
        record.reason = Some(format!("a model gave a loss of {bad}"));
        return TableRow::without_losses(record);
    }
    fill(&mut record, &losses);
    let tokens = losses.into_iter().map(|loss| loss.per_token.filter(|_| sequence.is_some())).collect();
    TableRow { record, further: Vec::new(), tokens, sequence }
}

fn fill(record: &mut ScoreRecord, losses: &[RowLoss]) {
    let n_scored = u64::from(record.n_scored);
    let chosen = |at: usize| losses.get(at).map(|loss| Nll { sum: loss.nll, n_scored });
    (record.base, record.reference) = (chosen(0), chosen(1));
    if let Some(RejectedRecord { n_scored, base, reference, .. }) = &mut record.rejected {
        let n_scored = u64::from(*n_scored);
        let rejected = |at: usize| losses.get(at)?.rejected.map(|(sum, _)| Nll { sum, n_scored });
        (*base, *reference) = (rejected(0), rejected(1));
    }
}
