//! Parquet, batch by batch.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_json::writer::{JsonArray, WriterBuilder};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::{Map, Value};

use crate::Error;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 512;

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
    Ok(builder.with_batch_size(BATCH_ROWS))
}

pub(super) fn parquet_error(path: &Path, source: parquet::errors::ParquetError) -> Error {
    Error::Parquet { path: path.to_owned(), source }
}

/// The rows of a file as JSON objects, with the named top-level columns only, or all of them.
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
    Ok(ParquetRows { path: path.to_owned(), batches, ready: VecDeque::new() })
}

/// The rows of a file, decoded a batch at a time.
pub(crate) struct ParquetRows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
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
                Err(source) => Err(Error::Arrow { path: self.path.clone(), source }),
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
        let arrow = |source| Error::Arrow { path: self.path.clone(), source };
        if batch.num_columns() == 0 {
            return Ok(vec![Map::new(); batch.num_rows()]);
        }
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
        writer.write(batch).map_err(arrow)?;
        writer.finish().map_err(arrow)?;
        serde_json::from_slice(&writer.into_inner()).map_err(|source| Error::Json {
            path: self.path.clone(),
            expected: "a table of JSON values",
            source,
        })
    }
}
