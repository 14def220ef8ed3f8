//! The table as Parquet.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{ArrayRef, Float64Array, ListArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use lobass_core::{ExampleKey, Nll, RejectedRecord, ScoreRecord, Sequence};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::groups::Groups;
use super::input::Input;
use super::{MANIFEST_KEY, ScoreTable, TableRow, TableShape, further_nll, nll, parquet_columns};
use crate::columns::{Columns, Reader, batch, properties};
use crate::manifest::{sum_column, token_column};
use crate::rows::scored_runs;
use crate::{Error, Manifest};

/// Rows per row group: what a reader holds at once.
const GROUP_ROWS: usize = 1 << 17;
/// Rows of a row group with a list of tokens in each row.
const GROUP_ROWS_OF_TOKENS: usize = 1 << 12;

/// Writes a table batch by batch.
pub(crate) struct TableWriter<W: Write + Send> {
    /// Its name in errors.
    name: PathBuf,
    shape: TableShape,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    pub(crate) fn new(name: &Path, sink: W, shape: TableShape) -> Result<Self, Error> {
        let group_rows = if shape.tokens.is_empty() { GROUP_ROWS } else { GROUP_ROWS_OF_TOKENS };
        let properties = properties().set_max_row_group_row_count(Some(group_rows)).build();
        let schema = to_batch(&[], &shape).schema();
        let writer = ArrowWriter::try_new(sink, schema, Some(properties))
            .map_err(|source| Error::Parquet { path: name.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), shape, writer })
    }

    pub(crate) fn write(&mut self, rows: &[TableRow]) -> Result<(), Error> {
        let batch = to_batch(rows, &self.shape);
        self.writer.write(&batch).map_err(|source| Error::Parquet { path: self.name.clone(), source })
    }

    /// Ends the table, and gives back what it was written to.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> Result<W, Error> {
        let json = serde_json::to_string(manifest).expect("a manifest is plain data");
        self.writer.append_key_value_metadata(KeyValue::new(MANIFEST_KEY.to_owned(), json));
        self.writer.into_inner().map_err(|source| Error::Parquet { path: self.name.clone(), source })
    }
}

fn to_batch(rows: &[TableRow], shape: &TableShape) -> RecordBatch {
    let records = || rows.iter().map(|row| &row.record);
    let texts = |value: &dyn Fn(&ScoreRecord) -> Option<String>| -> ArrayRef {
        Arc::new(records().map(value).collect::<StringArray>())
    };
    let counts = |value: fn(&ScoreRecord) -> Option<u32>| -> ArrayRef {
        Arc::new(records().map(value).collect::<UInt32Array>())
    };
    let mut columns: Vec<(String, bool, ArrayRef)> = vec![
        ("row".into(), false, Arc::new(records().map(|r| Some(r.row)).collect::<UInt64Array>())),
        ("key".into(), false, texts(&|r| Some(r.key.to_string()))),
        ("status".into(), false, texts(&|r| Some(r.status.to_string()))),
        ("reason".into(), true, texts(&|r| r.reason.clone())),
        ("source".into(), true, texts(&|r| Some(r.source.clone()))),
        ("n_tokens".into(), false, counts(|r| Some(r.n_tokens))),
        ("n_scored".into(), false, counts(|r| Some(r.n_scored))),
    ];
    if shape.pairs {
        columns.push(("rejected_n_tokens".into(), true, counts(|r| Some(r.rejected?.n_tokens))));
        columns.push(("rejected_n_scored".into(), true, counts(|r| Some(r.rejected?.n_scored))));
    }
    if shape.folds {
        columns.push(("fold".into(), true, counts(|r| r.fold)));
    }
    for (name, value) in named_losses(shape) {
        let sums = records().map(|record| value(record).map(|nll| nll.sum)).collect::<Float64Array>();
        columns.push((sum_column(name), true, Arc::new(sums)));
    }
    for (at, name) in shape.further.iter().enumerate() {
        let sums = rows.iter().map(|row| *row.further.get(at)?).collect::<Float64Array>();
        columns.push((sum_column(name), true, Arc::new(sums)));
    }
    if !shape.tokens.is_empty() {
        columns.push((INPUT_IDS.into(), true, lists(rows, |sequence| sequence.input_ids().to_vec())));
        columns.push((SCORED_RUNS.into(), true, lists(rows, scored_runs)));
    }
    for (at, role) in shape.tokens.iter().enumerate() {
        let list = |row: &TableRow| Some(row.tokens.get(at)?.as_ref()?.iter().copied().map(Some).collect());
        let lists = rows.iter().map(list).collect::<Vec<Option<Vec<_>>>>();
        let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(lists);
        columns.push((token_column(role), true, Arc::new(lists)));
    }
    batch(columns.iter().map(|(name, nullable, array)| (name.as_str(), *nullable, array.clone())).collect())
}

/// The token ids of a row, in a table with a loss for each.
pub(super) const INPUT_IDS: &str = "input_ids";
/// Half-open runs of tokens that are scored, flattened: `[start, end, start, end, ..]`.
pub(super) const SCORED_RUNS: &str = "scored_runs";

/// A list per row, null where there is no sequence.
fn lists(rows: &[TableRow], value: fn(&Sequence) -> Vec<u32>) -> ArrayRef {
    let list = |row: &TableRow| Some(value(row.sequence.as_ref()?).into_iter().map(Some).collect::<Vec<_>>());
    Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(rows.iter().map(list)))
}

/// A column of losses that a record knows by name.
type NamedLoss = (&'static str, fn(&ScoreRecord) -> Option<Nll>);

fn named_losses(shape: &TableShape) -> Vec<NamedLoss> {
    let all: [(bool, NamedLoss); 5] = [
        (true, ("base", |r| r.base)),
        (shape.reference, ("reference", |r| r.reference)),
        (shape.folds, ("in_sample", |r| r.in_sample)),
        (shape.pairs, ("base_rejected", |r| r.rejected?.base)),
        (shape.pairs && shape.reference, ("reference_rejected", |r| r.rejected?.reference)),
    ];
    all.into_iter().filter_map(|(there, column)| there.then_some(column)).collect()
}

pub(super) fn read(path: &Path) -> Result<ScoreTable, Error> {
    let manifest = parquet_columns::manifest(&Groups::open(Input::file(path))?, path)?;
    let reader = Reader::open(path)?;
    let names = manifest.further_columns();
    let mut records = Vec::with_capacity(usize::try_from(manifest.n_rows).unwrap_or_default());
    let mut further: Vec<Vec<Option<Nll>>> = vec![Vec::new(); names.len()];
    for columns in reader.batches()? {
        let (columns, before) = (columns?, records.len());
        push_records(&columns, path, &mut records)?;
        for (name, losses) in names.iter().zip(&mut further) {
            let sums = columns.f64s(&sum_column(name))?;
            losses.extend(sums.into_iter().zip(&records[before..]).map(|(sum, r)| further_nll(name, sum, r)));
        }
    }
    ScoreTable::checked(manifest, records, further, path)
}

/// The rows of one row group.
pub(super) fn group(input: &Input, group: usize) -> Result<Vec<ScoreRecord>, Error> {
    let path = input.path();
    let mut records = Vec::new();
    for columns in Reader::new(input.open()?, path)?.only(group).batches()? {
        push_records(&columns?, path, &mut records)?;
    }
    Ok(records)
}

fn push_records(columns: &Columns, path: &Path, records: &mut Vec<ScoreRecord>) -> Result<(), Error> {
    let (rows, n_tokens, n_scored) =
        (columns.u64s("row")?, columns.u32s("n_tokens")?, columns.u32s("n_scored")?);
    let (keys, statuses) = (columns.texts("key")?, columns.texts("status")?);
    let (reasons, sources) = (columns.texts("reason")?, columns.texts("source")?);
    let none = columns.n_rows();
    let sums = |name: &str| if columns.has(name) { columns.f64s(name) } else { Ok(vec![None; none]) };
    let counts =
        |name: &str| if columns.has(name) { columns.optional_u32s(name) } else { Ok(vec![None; none]) };
    let (base, reference, in_sample) = (sums("base_nll")?, sums("reference_nll")?, sums("in_sample_nll")?);
    let (base_rejected, reference_rejected) = (sums("base_rejected_nll")?, sums("reference_rejected_nll")?);
    let (tokens_rejected, scored_rejected) = (counts("rejected_n_tokens")?, counts("rejected_n_scored")?);
    let folds = counts("fold")?;
    for at in 0..columns.n_rows() {
        let status = statuses[at]
            .unwrap_or_default()
            .parse()
            .map_err(|reason| Error::Damaged { path: path.to_owned(), reason })?;
        let rejected = tokens_rejected[at].zip(scored_rejected[at]);
        records.push(ScoreRecord {
            row: rows[at],
            key: ExampleKey::new(keys[at].unwrap_or_default()),
            status,
            reason: reasons[at].map(str::to_owned),
            source: sources[at].unwrap_or_default().to_owned(),
            n_tokens: n_tokens[at],
            n_scored: n_scored[at],
            base: nll(base[at], n_scored[at]),
            reference: nll(reference[at], n_scored[at]),
            in_sample: nll(in_sample[at], n_scored[at]),
            fold: folds[at],
            rejected: rejected.map(|(n_tokens, n_scored)| RejectedRecord {
                n_tokens,
                n_scored,
                base: nll(base_rejected[at], n_scored),
                reference: nll(reference_rejected[at], n_scored),
            }),
        });
    }
    Ok(())
}
