//! Columns of a Parquet table, by row groups.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use lobass_core::{ColumnSet, ExampleKey, RowStatus, ScoreColumns, tie_break};

use super::groups::{Group, Groups};
use super::wanted::{self, Wanted};
use super::{MANIFEST_KEY, not_a_table, not_in_place, of_this_version};
use crate::columns::Columns;
use crate::manifest::sum_column;
use crate::{Error, Manifest};

/// Columns that every selection needs.
const ALWAYS: [&str; 6] = ["row", "status", "reason", "source", "n_tokens", "n_scored"];
/// Columns that scores of single rows need.
const BARE: [&str; 4] = ["row", "status", "n_tokens", "n_scored"];
const KEY: &str = "key";
const REJECTED_TOKENS: &str = "rejected_n_tokens";
const FOLD: &str = "fold";

pub(super) fn manifest(groups: &Groups, path: &Path) -> Result<Manifest, Error> {
    let manifest = groups
        .text(MANIFEST_KEY)
        .ok_or_else(|| not_a_table(path, format!("expected metadata `{MANIFEST_KEY}`, found none")))?;
    let manifest = serde_json::from_str(&manifest).map_err(|source| Error::Json {
        path: path.to_owned(),
        expected: "a score table of this version",
        source,
    })?;
    of_this_version(manifest, path)
}

pub(super) fn read(
    groups: &Groups,
    path: &Path,
    wanted: &ColumnSet,
    seed: u64,
    threads: usize,
) -> Result<ScoreColumns, Error> {
    let losses = losses(wanted);
    let names = names(groups, &ALWAYS, wanted, &losses);

    let all = groups.all();
    let n_rows = all.iter().map(|group| group.n_rows).sum::<u64>();
    let n_rows = usize::try_from(n_rows).map_err(|_| not_a_table(path, "expected fewer rows"))?;
    let mut whole = ScoreColumns::with_capacity(n_rows, seed);
    // The memory of a part is used again, since fresh memory costs more time than decoding into it.
    let spare = Mutex::new(Vec::<ScoreColumns>::new());
    let spare_parts = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let decode = |group: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let mut part = spare_parts().pop().unwrap_or_else(|| ScoreColumns::with_capacity(0, seed));
        for columns in batches {
            let first_row = group.first_row + part.len() as u64;
            part.append(&batch(&columns?, path, first_row, &losses, seed)?);
        }
        Ok(part)
    };
    groups.read(&all, &names, threads, decode, |_, mut part| {
        whole.append(&part);
        part.clear();
        spare_parts().push(part);
        Ok(())
    })?;
    Ok(whole)
}

/// Hands the wanted columns on, some rows at a time, from several threads.
pub(super) fn pieces(
    groups: &Groups,
    path: &Path,
    wanted: &ColumnSet,
    seed: u64,
    threads: usize,
    take: impl Fn(u64, &ScoreColumns) + Sync,
) -> Result<(), Error> {
    let losses = losses(wanted);
    let names = names(groups, &BARE, wanted, &losses);
    let decode = |group: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let mut first_row = group.first_row;
        for columns in batches {
            let piece = bare(&columns?, path, first_row, &losses, seed)?;
            take(first_row, &piece);
            first_row += piece.len() as u64;
        }
        Ok(())
    };
    groups.read(&groups.all(), &names, threads, decode, |_, ()| Ok(()))
}

/// The wanted losses, and their columns.
fn losses(wanted: &ColumnSet) -> Vec<(String, String)> {
    wanted.losses.iter().map(|name| (name.clone(), sum_column(name))).collect()
}

/// The columns to decode: all of `needed`, and those of the others that the table has.
fn names<'a>(
    groups: &Groups,
    needed: &[&'a str],
    wanted: &ColumnSet,
    losses: &'a [(String, String)],
) -> Vec<&'a str> {
    let mut names = needed.to_vec();
    names.extend(wanted.ties.then_some(KEY));
    names.extend(losses.iter().map(|(_, column)| column.as_str()));
    names.push(REJECTED_TOKENS);
    names.extend(wanted.folds.then_some(FOLD));
    names.retain(|name| groups.has(name) || needed.contains(name) || *name == KEY);
    names
}

/// The rows of one batch.
fn batch(
    columns: &Columns,
    path: &Path,
    first_row: u64,
    losses: &[(String, String)],
    seed: u64,
) -> Result<ScoreColumns, Error> {
    let mut found = bare(columns, path, first_row, losses, seed)?;
    fill_reasons(&mut found, columns)?;
    let (names, codes) = columns.coded("source")?;
    found.source_names = names.iter().map(|name| name.unwrap_or_default().to_owned()).collect();
    let unnamed = found.source_names.len();
    let source = |code: Option<usize>| u32::try_from(code.unwrap_or(unnamed)).expect("few sources");
    found.sources = codes.map(source).collect();
    if found.sources.iter().any(|source| *source as usize == unnamed) {
        found.source_names.push(String::new());
    }
    Ok(found)
}

/// The rows of one batch without sources and reasons.
fn bare(
    columns: &Columns,
    path: &Path,
    first_row: u64,
    losses: &[(String, String)],
    seed: u64,
) -> Result<ScoreColumns, Error> {
    if let Some((row, place)) =
        columns.u64s("row")?.iter().zip(first_row..).find(|(row, place)| *row != place)
    {
        return Err(not_in_place(path, *row, place));
    }
    let mut found = ScoreColumns::with_capacity(0, seed);
    found.statuses = statuses(columns, path)?;
    found.n_tokens = columns.u32s("n_tokens")?.to_vec();
    found.n_scored = columns.u32s("n_scored")?.to_vec();
    if columns.has(KEY) {
        found.ties = hashes(columns, seed)?;
    }
    let counts = |name: &str, none: u32| -> Result<Vec<u32>, Error> {
        if !columns.has(name) {
            return Ok(Vec::new());
        }
        Ok(columns.optional_u32s(name)?.into_iter().map(|count| count.unwrap_or(none)).collect())
    };
    found.rejected_n_tokens = counts(REJECTED_TOKENS, 0)?;
    found.folds = counts(FOLD, ScoreColumns::NO_FOLD)?;
    for (name, column) in losses.iter().filter(|(_, column)| columns.has(column)) {
        found.losses.insert(name.clone(), columns.numbers(column)?);
    }
    Ok(found)
}

/// The hash of every row's key, a row group per thread at a time.
pub(super) fn ties(groups: &Groups, seed: u64, threads: usize) -> Result<Vec<u64>, Error> {
    let mut all = Vec::new();
    let decode = |group: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let mut part = Vec::with_capacity(usize::try_from(group.n_rows).unwrap_or_default());
        for columns in batches {
            part.extend(hashes(&columns?, seed)?);
        }
        Ok(part)
    };
    groups.read(&groups.all(), &[KEY], threads, decode, |_, part| {
        all.extend(part);
        Ok(())
    })?;
    Ok(all)
}

fn hashes(columns: &Columns, seed: u64) -> Result<Vec<u64>, Error> {
    let keys = columns.texts(KEY)?;
    Ok(keys.into_iter().map(|key| tie_break(key.unwrap_or_default(), seed)).collect())
}

fn statuses(columns: &Columns, path: &Path) -> Result<Vec<RowStatus>, Error> {
    let (names, codes) = columns.coded("status")?;
    let parse = |name: &str| {
        name.parse::<RowStatus>().map_err(|reason| Error::Damaged { path: path.to_owned(), reason })
    };
    let statuses: Vec<Option<RowStatus>> =
        names.iter().map(|name| name.map(parse).transpose()).collect::<Result<_, _>>()?;
    let status =
        |code: Option<usize>| code.and_then(|code| *statuses.get(code)?).map_or_else(|| parse(""), Ok);
    codes.map(status).collect()
}

/// The first reason of each status.
fn fill_reasons(found: &mut ScoreColumns, columns: &Columns) -> Result<(), Error> {
    let (reasons, codes) = columns.coded("reason")?;
    for ((code, status), row) in codes.zip(&found.statuses).zip(0..) {
        if let Some(code) = code {
            let reason = || (row, reasons.value(code).to_owned());
            found.reasons.entry(*status).or_insert_with(reason);
        }
    }
    Ok(())
}

/// The keys of rows, which are ascending.
pub(super) fn keys(groups: &Groups, wanted: &[Wanted], threads: usize) -> Result<Vec<ExampleKey>, Error> {
    wanted::read(groups, wanted, &[KEY], threads, |columns, places| {
        let texts = columns.texts(KEY)?;
        Ok(places.iter().map(|&at| ExampleKey::new(texts[at].unwrap_or_default())).collect())
    })
}
