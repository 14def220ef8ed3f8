//! Parquet, batch by batch.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_json::writer::{JsonArray, WriterBuilder};
use arrow_schema::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::{Map, Value};

use crate::Error;

/// Rows decoded at a time, at most.
const BATCH_ROWS: i64 = 512;
/// Bytes decoded at a time, unless a single row has more.
const BATCH_BYTES: i64 = 32 << 20;

/// The names of a file's top-level columns.
pub(crate) fn column_names(path: &Path) -> Result<Vec<String>, Error> {
    let builder = open(path)?;
    Ok(builder.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Opens a file for reading in batches.
pub(super) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>, Error> {
    let file = fs_err::File::open(path)?.into_parts().0;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| parquet_error(path, source))?;
    let groups = builder.metadata().row_groups();
    // Rows of a group are taken to be alike; the largest in the mean decides.
    let row_bytes = groups.iter().map(|group| group.total_byte_size() / group.num_rows().max(1)).max();
    let rows = (BATCH_BYTES / row_bytes.unwrap_or(1).max(1)).clamp(1, BATCH_ROWS);
    Ok(builder.with_batch_size(usize::try_from(rows).unwrap_or(1)))
}

pub(super) fn parquet_error(path: &Path, source: parquet::errors::ParquetError) -> Error {
    Error::Parquet { path: path.to_owned(), source }
}

/// The rows of a file as JSON objects, with the named top-level columns only, or all of them. Of all of them, those
/// that JSON cannot hold are null, since no one has asked for them.
pub(crate) fn read_rows(path: &Path, columns: Option<&[String]>) -> Result<ParquetRows, Error> {
    let mut builder = open(path)?;
    if let Some(columns) = columns {
        let wanted: Vec<usize> = builder
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter_map(|(at, field)| columns.contains(field.name()).then_some(at))
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        builder = builder.with_projection(mask);
    }
    let batches = builder.build().map_err(|source| parquet_error(path, source))?;
    let lenient = columns.is_none();
    Ok(ParquetRows { path: path.to_owned(), batches, lenient, ready: VecDeque::new() })
}

/// The rows of a file, decoded a batch at a time.
pub(crate) struct ParquetRows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    lenient: bool,
    ready: VecDeque<Map<String, Value>>,
}

impl Iterator for ParquetRows {
    type Item = Result<Map<String, Value>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            let rows = match self.batches.next()? {
                Ok(batch) => self.to_json(&batch),
                Err(source) => Err(self.error(source)),
            };
            match rows {
                Ok(rows) => self.ready = rows.into(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl ParquetRows {
    fn to_json(&self, batch: &RecordBatch) -> Result<Vec<Map<String, Value>>, Error> {
        let mut rows = vec![Map::new(); batch.num_rows()];
        for (at, field) in batch.schema().fields().iter().enumerate() {
            let column = batch.project(&[at]).map_err(|source| self.error(source))?;
            match to_json(&column) {
                Ok(values) => rows.iter_mut().zip(values).for_each(|(row, value)| row.extend(value)),
                Err(_) if self.lenient => rows.iter_mut().for_each(|row| {
                    row.insert(field.name().clone(), Value::Null);
                }),
                Err(source) => {
                    let reason = format!("column `{}`: {source}", field.name());
                    return Err(Error::Container { path: self.path.clone(), reason });
                }
            }
        }
        Ok(rows)
    }

    fn error(&self, source: ArrowError) -> Error {
        Error::Arrow { path: self.path.clone(), source }
    }
}

fn to_json(column: &RecordBatch) -> Result<Vec<Map<String, Value>>, ArrowError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(column)?;
    writer.finish()?;
    serde_json::from_slice(&writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))
}
