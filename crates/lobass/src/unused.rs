//! Rows of a pool that a command cannot use, and why.

use std::collections::BTreeMap;

use lobass_core::RowStatus;
use lobass_core::readable::{Labelled, count};
use lobass_data::{Encoder, Pool};
use lobass_run::{Plan, Slice, Store, WorkDir};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::runtime::Runtime;
use crate::scoring::{n_skipped, tokenize};
use crate::sequences::Sequences;

/// Rows of one status that are not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedRows {
    /// How many there are.
    pub n_rows: u64,
    /// The first of them, by its position in the pool.
    pub first: u64,
    /// What is wrong with the first.
    pub reason: String,
}

impl UnusedRows {
    /// How many there are and why, in words.
    pub(crate) fn in_words(&self, status: RowStatus) -> String {
        let Self { n_rows, first, reason } = self;
        format!("{} {status}, the first of them row {first}: {reason}", count(*n_rows))
    }
}

/// The rows of each status that are not used.
pub type Unused = BTreeMap<RowStatus, UnusedRows>;

/// The rows of a slice that are not used.
///
/// # Errors
/// If a row cannot be read.
pub(crate) fn of_work(sequences: &Sequences, work: &WorkDir, slice: Option<Slice>) -> Result<Unused> {
    let mut unused = Unused::new();
    for &shard in &work.plan().shards {
        let names = work.names_of(shard)?.into_iter();
        let asked = names.filter(|name| slice.is_none_or(|slice| slice.has(name.row)));
        for name in asked.filter(|name| !name.status.is_scored()) {
            let new = || UnusedRows { n_rows: 0, first: name.row, reason: String::new() };
            unused.entry(name.status).or_insert_with(new).n_rows += 1;
        }
    }
    let firsts: Vec<u64> = unused.values().map(|rows| rows.first).collect();
    let mut reasons = reasons(&firsts, &sequences.pool, &sequences.encoder)?;
    for rows in unused.values_mut() {
        rows.reason = reasons.remove(&rows.first).map(|(_, reason)| reason).unwrap_or_default();
    }
    Ok(unused)
}

/// [`of_work`] of a file that is done: its rows are tokenized again, in memory.
///
/// # Errors
/// The errors of [`of_work`], and if the observer asks to stop.
pub(crate) fn of_plan(
    sequences: &Sequences,
    plan: Plan,
    slice: Option<Slice>,
    threads: usize,
    runtime: &Runtime,
) -> Result<Unused> {
    let work = WorkDir::open(Store::in_memory()?, plan)?;
    tokenize(&work, sequences, threads, &runtime.silent())?;
    of_work(sequences, &work, slice)
}

/// What is wrong with each of some rows, and its position in its file. Work directories keep reasons to themselves, so
/// the rows are read again.
///
/// # Errors
/// If a row cannot be read.
pub(crate) fn reasons(
    wanted: &[u64],
    pool: &Pool,
    encoder: &Encoder,
) -> Result<BTreeMap<u64, (u64, String)>> {
    let mut found = BTreeMap::new();
    let Some(&last) = wanted.iter().max() else { return Ok(found) };
    let mut before = vec![0; pool.files().len()];
    for row in pool.rows() {
        let row = row?;
        if wanted.contains(&row.row) {
            let reason = match &row.example {
                Ok(example) => encoder.encode(example).reason.unwrap_or_default(),
                Err(fault) => fault.reason.clone(),
            };
            found.insert(row.row, (before[row.file], reason));
        }
        before[row.file] += 1;
        if row.row == last {
            break;
        }
    }
    Ok(found)
}

/// The number of rows that could not be used. Rows that were left out on request do not count.
pub(crate) fn n_unusable(unused: &Unused) -> u64 {
    n_skipped(&unused.iter().map(|(status, rows)| (*status, rows.n_rows)).collect())
}

/// One line for each status.
pub(crate) fn say_unused(unused: &Unused, text: &mut Labelled) {
    for (status, rows) in unused {
        text.line("rows", rows.in_words(*status));
    }
}

/// The rows of a pool that can be read as examples, and how many others there are of each status.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn readable_rows(pool: &Pool) -> Result<(Vec<u64>, BTreeMap<RowStatus, u64>)> {
    let (mut readable, mut others) = (Vec::new(), BTreeMap::new());
    for row in pool.rows() {
        let row = row?;
        match &row.example {
            Ok(_) => readable.push(row.row),
            Err(fault) => *others.entry(fault.status).or_default() += 1,
        }
    }
    Ok((readable, others))
}
