//! The stage `rows`: text to sequences.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::thread;

use lobass_core::RowStatus;
use lobass_data::{Encoded, Encoder, Overlong, Pool, PoolRow, Unread};

use crate::commit::{Pending, ROWS, committed};
use crate::rows::{self, EncodedRow};
use crate::shard::Shard;
use crate::{Error, Plan, Progress, Stage, WorkDir};

impl WorkDir {
    /// Encodes every shard that has not been, reading the pool once.
    ///
    /// # Errors
    /// [`Error::Data`] if a file cannot be read, [`Error::DataChanged`] if it is not what was planned,
    /// [`Error::Overlong`] if a row is too long and the options say that this is an error. Shards committed before
    /// stay.
    pub fn encode(
        &self,
        pool: &Pool,
        encoder: &Encoder,
        threads: usize,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        self.encode_while(pool, encoder, threads, &mut |_| true, observe)
    }

    /// [`WorkDir::encode`], while `goes_on` returns true before each shard.
    ///
    /// # Errors
    /// The errors of [`WorkDir::encode`]; [`Error::Unfinished`] at the first shard that is not to be encoded.
    pub fn encode_while(
        &self,
        pool: &Pool,
        encoder: &Encoder,
        threads: usize,
        goes_on: &mut dyn FnMut(Shard) -> bool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        if self.is_encoded()? {
            return Ok(());
        }
        let done: BTreeSet<u32> = committed(&self.store, ROWS)?;
        let mut progress = Progress::new(Stage::Encode, self.plan.n_rows());
        let mut rows = pool.rows();
        for &shard in &self.plan.shards {
            let raw: Vec<PoolRow> = self.plan.take(&mut rows, shard)?;
            if done.contains(&shard.id) {
                progress.rows_resumed += shard.n_rows;
            } else if !goes_on(shard) {
                let (all, stage) = (self.plan.shards.len(), ROWS.to_owned());
                return Err(Error::Unfinished { missing: 1, all, shard: shard.id, stage });
            } else {
                let encoded = encode_rows(pool, encoder, &raw, threads)?;
                progress.n_tokens += encoded.iter().map(|row| u64::from(row.n_tokens)).sum::<u64>();
                let (data, digest) = rows::serialize(&encoded, &self.store.path(ROWS))?;
                let mut pending = Pending::new(&self.plan_id, ROWS, shard, digest, data);
                pending.store_data(&self.store)?;
                pending.commit(&self.store)?;
            }
            progress.rows_done += shard.n_rows;
            observe(progress.clone());
        }
        self.plan.check_end(pool, &mut rows)
    }
}

impl Plan {
    /// The rows of a shard, which come next.
    ///
    /// # Errors
    /// [`Error::DataChanged`] if there are fewer.
    pub(crate) fn take(
        &self,
        rows: &mut impl Iterator<Item = Result<PoolRow, lobass_data::Error>>,
        shard: Shard,
    ) -> Result<Vec<PoolRow>, Error> {
        let taken: Vec<PoolRow> =
            rows.take(usize::try_from(shard.n_rows).unwrap_or(usize::MAX)).collect::<Result<_, _>>()?;
        if taken.len() as u64 == shard.n_rows {
            return Ok(taken);
        }
        let input = &self.inputs.last().expect("a plan with shards has inputs");
        let found = shard.first_row + taken.len() as u64;
        Err(Error::DataChanged { path: (&input.path).into(), expected: self.n_rows(), found })
    }

    /// Checks that all rows were taken.
    ///
    /// # Errors
    /// [`Error::DataChanged`] if there are more.
    pub(crate) fn check_end(
        &self,
        pool: &Pool,
        rows: &mut impl Iterator<Item = Result<PoolRow, lobass_data::Error>>,
    ) -> Result<(), Error> {
        if rows.next().is_none() {
            return Ok(());
        }
        let path = pool.files().last().map(|file| file.path().to_owned()).unwrap_or_default();
        Err(Error::DataChanged { path, expected: self.n_rows(), found: self.n_rows() + 1 })
    }
}

/// Encodes rows on several threads; the result does not depend on how many.
pub(crate) fn encode_rows(
    pool: &Pool,
    encoder: &Encoder,
    rows: &[PoolRow],
    threads: usize,
) -> Result<Vec<EncodedRow>, Error> {
    let threads = NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN);
    let part = rows.len().div_ceil(threads.get()).max(1);
    let encoded: Vec<EncodedRow> = thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(part)
            .map(|rows| {
                scope.spawn(|| rows.iter().map(|row| encode_row(pool, encoder, row)).collect::<Vec<_>>())
            })
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let too_long = encoded
        .iter()
        .find(|row| row.status == RowStatus::Overlong && encoder.options().overlong == Overlong::Error);
    match too_long {
        None => Ok(encoded),
        Some(row) => Err(Error::Overlong {
            row: row.row,
            key: row.key.clone(),
            source_name: row.source.clone(),
            reason: row.reason.clone().unwrap_or_default(),
        }),
    }
}

fn encode_row(pool: &Pool, encoder: &Encoder, row: &PoolRow) -> EncodedRow {
    let encoded = match &row.example {
        Ok(example) => encoder.encode(example),
        Err(fault) => Encoded::fault(fault.clone()),
    };
    EncodedRow {
        row: row.row,
        key: row.key.clone(),
        status: encoded.status,
        reason: encoded.reason,
        source: pool.files()[row.file].source().to_owned(),
        n_tokens: u32::try_from(encoded.n_tokens).unwrap_or(u32::MAX),
        unread: if encoded.sequence.is_some() { unread(row, encoded.unread) } else { Vec::new() },
        sequence: encoded.sequence,
        rejected: encoded.rejected,
    }
}

/// Content of a row that no model sees: columns that are not read, and fields that its rendering does not show.
fn unread(row: &PoolRow, rendered: Vec<Unread>) -> Vec<Unread> {
    let mut unread = [row.unread.clone(), rendered].concat();
    unread.sort_unstable();
    unread.dedup();
    unread
}
