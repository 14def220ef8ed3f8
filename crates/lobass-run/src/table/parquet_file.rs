//! The table as Parquet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use lobass_core::{Detail, ExampleKey, ScoreRecord};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::{MANIFEST_KEY, ScoreTable, TableRow, nll, not_a_table};
use crate::columns::{Columns, Reader, batch, properties};
use crate::store::partial_path;
use crate::{Error, Manifest};

/// Rows per row group: what a reader holds at once.
const GROUP_ROWS: usize = 1 << 17;

/// Writes a table batch by batch, under its name only when it is whole.
pub(crate) struct TableWriter {
    out: PathBuf,
    partial: PathBuf,
    roles: Vec<String>,
    detail: Detail,
    writer: ArrowWriter<fs_err::File>,
}

impl TableWriter {
    pub(crate) fn create(out: &Path, roles: &[String], detail: Detail) -> Result<Self, Error> {
        if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs_err::create_dir_all(parent)?;
        }
        let partial = partial_path(out);
        let properties = properties().set_max_row_group_row_count(Some(GROUP_ROWS)).build();
        let schema = to_batch(&[], roles, detail).schema();
        let writer = ArrowWriter::try_new(fs_err::File::create(&partial)?, schema, Some(properties))
            .map_err(|source| Error::Parquet { path: partial.clone(), source })?;
        Ok(Self { out: out.to_owned(), partial, roles: roles.to_vec(), detail, writer })
    }

    pub(crate) fn write(&mut self, rows: &[TableRow]) -> Result<(), Error> {
        let batch = to_batch(rows, &self.roles, self.detail);
        self.writer.write(&batch).map_err(|source| Error::Parquet { path: self.partial.clone(), source })
    }

    pub(crate) fn finish(mut self, manifest: &Manifest) -> Result<(), Error> {
        let json = serde_json::to_string(manifest).expect("a manifest is plain data");
        self.writer.append_key_value_metadata(KeyValue::new(MANIFEST_KEY.to_owned(), json));
        let file = self
            .writer
            .into_inner()
            .map_err(|source| Error::Parquet { path: self.partial.clone(), source })?;
        file.sync_all()?;
        drop(file);
        fs_err::rename(&self.partial, &self.out)?;
        Ok(())
    }
}

fn to_batch(rows: &[TableRow], roles: &[String], detail: Detail) -> RecordBatch {
    let records = || rows.iter().map(|row| &row.record);
    let texts = |value: &dyn Fn(&ScoreRecord) -> Option<String>| -> ArrayRef {
        Arc::new(records().map(value).collect::<StringArray>())
    };
    let counts = |value: fn(&ScoreRecord) -> u32| -> ArrayRef {
        Arc::new(records().map(value).map(Some).collect::<UInt32Array>())
    };
    let mut columns: Vec<(String, bool, ArrayRef)> = vec![
        ("row".into(), false, Arc::new(records().map(|r| Some(r.row)).collect::<UInt64Array>())),
        ("key".into(), false, texts(&|r| Some(r.key.to_string()))),
        ("status".into(), false, texts(&|r| Some(r.status.to_string()))),
        ("reason".into(), true, texts(&|r| r.reason.clone())),
        ("source".into(), true, texts(&|r| Some(r.source.clone()))),
        ("n_tokens".into(), false, counts(|r| r.n_tokens)),
        ("n_scored".into(), false, counts(|r| r.n_scored)),
    ];
    for (at, role) in roles.iter().enumerate() {
        let sums = rows.iter().map(|row| row.nlls[at].map(|nll| nll.sum)).collect::<Float64Array>();
        columns.push((format!("{role}_nll"), true, Arc::new(sums)));
    }
    for (at, role) in roles.iter().enumerate().filter(|_| detail == Detail::PerToken) {
        let lists = rows
            .iter()
            .map(|row| Some(row.tokens[at].as_ref()?.iter().copied().map(Some).collect::<Vec<_>>()));
        let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(lists);
        columns.push((format!("{role}_token_nll"), true, Arc::new(lists)));
    }
    batch(columns.iter().map(|(name, nullable, array)| (name.as_str(), *nullable, array.clone())).collect())
}

pub(super) fn read(path: &Path) -> Result<ScoreTable, Error> {
    let reader = Reader::open(path)?;
    let manifest = reader
        .metadata(MANIFEST_KEY)
        .ok_or_else(|| not_a_table(path, format!("expected metadata `{MANIFEST_KEY}`, found none")))?;
    let manifest: Manifest = serde_json::from_str(&manifest).map_err(|source| Error::Json {
        path: path.to_owned(),
        expected: "a score table of this version",
        source,
    })?;
    let mut records = Vec::with_capacity(usize::try_from(manifest.n_rows).unwrap_or_default());
    for columns in reader.batches()? {
        push_records(&columns?, path, &mut records)?;
    }
    ScoreTable::checked(manifest, records, path)
}

fn push_records(columns: &Columns, path: &Path, records: &mut Vec<ScoreRecord>) -> Result<(), Error> {
    let (rows, n_tokens, n_scored) =
        (columns.u64s("row")?, columns.u32s("n_tokens")?, columns.u32s("n_scored")?);
    let (keys, statuses) = (columns.texts("key")?, columns.texts("status")?);
    let (reasons, sources) = (columns.texts("reason")?, columns.texts("source")?);
    let losses =
        |name: &str| if columns.has(name) { columns.f64s(name) } else { Ok(vec![None; columns.n_rows()]) };
    let (base, reference) = (losses("base_nll")?, losses("reference_nll")?);
    for at in 0..columns.n_rows() {
        let status = statuses[at]
            .unwrap_or_default()
            .parse()
            .map_err(|reason| Error::Damaged { path: path.to_owned(), reason })?;
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
        });
    }
    Ok(())
}
