//! The table as JSON lines: a line with the manifest, then a line per row.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use lobass_core::{
    ColumnSet, ExampleKey, Nll, Numbers, RejectedRecord, RowStatus, ScoreColumns, ScoreRecord,
};
use lobass_files::WholeFile;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wanted::Wanted;
use super::{ScoreTable, further_nll, nll, not_a_table, not_in_place, of_this_version};
use crate::manifest::sum_column;
use crate::{Error, Manifest};

/// Rows that are in memory as such at once.
const PART_ROWS: usize = 1 << 13;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Manifest(Box<Manifest>),
    Row(Box<Row>),
}

#[derive(Serialize, Deserialize)]
struct Row {
    row: u64,
    key: ExampleKey,
    status: RowStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    source: String,
    n_tokens: u32,
    n_scored: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected_n_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected_n_scored: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fold: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_nll: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_nll: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_sample_nll: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_rejected_nll: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_rejected_nll: Option<f64>,
    /// Further columns of losses, by their whole name.
    #[serde(flatten)]
    further: Map<String, Value>,
}

impl Row {
    fn of(record: &ScoreRecord, further: Map<String, Value>) -> Self {
        let sum = |nll: Option<Nll>| nll.map(|nll| nll.sum);
        Self {
            row: record.row,
            key: record.key.clone(),
            status: record.status,
            reason: record.reason.clone(),
            source: record.source.clone(),
            n_tokens: record.n_tokens,
            n_scored: record.n_scored,
            rejected_n_tokens: record.rejected.map(|rejected| rejected.n_tokens),
            rejected_n_scored: record.rejected.map(|rejected| rejected.n_scored),
            fold: record.fold,
            base_nll: sum(record.base),
            reference_nll: sum(record.reference),
            in_sample_nll: sum(record.in_sample),
            base_rejected_nll: sum(record.rejected.and_then(|rejected| rejected.base)),
            reference_rejected_nll: sum(record.rejected.and_then(|rejected| rejected.reference)),
            further,
        }
    }

    fn into_record(self) -> ScoreRecord {
        let rejected = self.rejected_n_tokens.zip(self.rejected_n_scored);
        ScoreRecord {
            row: self.row,
            key: self.key,
            status: self.status,
            reason: self.reason,
            source: self.source,
            n_tokens: self.n_tokens,
            n_scored: self.n_scored,
            base: nll(self.base_nll, self.n_scored),
            reference: nll(self.reference_nll, self.n_scored),
            in_sample: nll(self.in_sample_nll, self.n_scored),
            fold: self.fold,
            rejected: rejected.map(|(n_tokens, n_scored)| RejectedRecord {
                n_tokens,
                n_scored,
                base: nll(self.base_rejected_nll, n_scored),
                reference: nll(self.reference_rejected_nll, n_scored),
            }),
        }
    }
}

/// Writes a table as JSON lines; per-token losses are left out.
///
/// # Errors
/// If the file cannot be written; it appears whole or not at all.
pub fn write_json_lines(table: &ScoreTable, out: &Path) -> Result<(), Error> {
    let mut writer = WholeFile::create(out)?;
    let mut line = |line: &Line| -> std::io::Result<()> {
        serde_json::to_writer(&mut writer, line)?;
        writer.write_all(b"\n")
    };
    line(&Line::Manifest(Box::new(table.manifest.clone())))?;
    for (at, record) in table.records.iter().enumerate() {
        let sum = |losses: &[Option<Nll>]| Some(Value::from(losses.get(at).copied()??.sum));
        let further = table.further.iter();
        let further = further.filter_map(|(name, losses)| Some((sum_column(name), sum(losses)?)));
        line(&Line::Row(Box::new(Row::of(record, further.collect()))))?;
    }
    Ok(writer.finish()?)
}

/// The content of each line, with its number.
fn lines(path: &Path) -> Result<impl Iterator<Item = Result<Line, Error>>, Error> {
    let lines = BufReader::new(fs_err::File::open(path)?).lines();
    Ok(lines.zip(1..).map(|(line, number)| {
        serde_json::from_str(&line?).map_err(|error| not_a_table(path, format!("line {number}: {error}")))
    }))
}

/// The rows of a table, each in its place.
fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Row, Error>>, Error> {
    let rows = lines(path)?.filter_map(|line| match line {
        Ok(Line::Manifest(_)) => None,
        Ok(Line::Row(row)) => Some(Ok(*row)),
        Err(error) => Some(Err(error)),
    });
    Ok(rows.zip(0..).map(|(row, place)| match row {
        Ok(row) if row.row != place => Err(not_in_place(path, row.row, place)),
        row => row,
    }))
}

pub(super) fn manifest(path: &Path) -> Result<Manifest, Error> {
    for line in lines(path)? {
        if let Line::Manifest(manifest) = line? {
            return of_this_version(*manifest, path);
        }
    }
    Err(not_a_table(path, "expected a line with the manifest"))
}

pub(super) fn columns(path: &Path, wanted: &ColumnSet, seed: u64) -> Result<ScoreColumns, Error> {
    let mut whole = ScoreColumns::with_capacity(0, seed);
    let mut rows = rows(path)?;
    loop {
        let part: Vec<Row> = rows.by_ref().take(PART_ROWS).collect::<Result<_, _>>()?;
        if part.is_empty() {
            return Ok(whole);
        }
        whole.append(&columns_of(part, wanted, seed));
    }
}

/// The wanted columns of some rows.
fn columns_of(mut rows: Vec<Row>, wanted: &ColumnSet, seed: u64) -> ScoreColumns {
    let further: Vec<_> = rows.iter_mut().map(|row| std::mem::take(&mut row.further)).collect();
    let records: Vec<ScoreRecord> = rows.into_iter().map(Row::into_record).collect();
    let mut columns = ScoreColumns::of(&records, seed);
    columns.losses.retain(|name, _| wanted.losses.contains(name));
    if !wanted.folds {
        columns.folds = Vec::new();
    }
    for name in &wanted.losses {
        let column = sum_column(name);
        let sums: Numbers = further.iter().map(|sums| sums.get(&column).and_then(Value::as_f64)).collect();
        if sums.has_any() {
            columns.losses.insert(name.clone(), sums);
        }
    }
    columns
}

/// One row, if it is there.
pub(super) fn record(path: &Path, row: u64) -> Result<Option<ScoreRecord>, Error> {
    let mut rows = rows(path)?.skip_while(|found| found.as_ref().is_ok_and(|found| found.row < row));
    rows.next().map(|row| Ok(row?.into_record())).transpose()
}

/// The keys of rows, which are ascending.
pub(super) fn keys(path: &Path, wanted: &[Wanted]) -> Result<Vec<ExampleKey>, Error> {
    let mut wanted = wanted.iter().peekable();
    let mut keys = Vec::with_capacity(wanted.len());
    for row in rows(path)? {
        let row = row?;
        while wanted.next_if(|wanted| wanted.row == row.row).is_some() {
            keys.push(row.key.clone());
        }
    }
    Ok(keys)
}

pub(super) fn read(path: &Path) -> Result<ScoreTable, Error> {
    let manifest = manifest(path)?;
    let mut records = Vec::new();
    let mut further_of_row = Vec::new();
    for line in lines(path)? {
        if let Line::Row(mut row) = line? {
            further_of_row.push(std::mem::take(&mut row.further));
            records.push(row.into_record());
        }
    }
    let names = manifest.further_columns().into_iter();
    let further = names.map(|name| {
        let column = sum_column(&name);
        let rows = records.iter().zip(&further_of_row);
        rows.map(|(record, sums)| further_nll(&name, sums.get(&column).and_then(Value::as_f64), record))
            .collect()
    });
    let further = further.collect();
    ScoreTable::checked(manifest, records, further, path)
}
