//! Parquet, batch by batch.

use std::io::{BufReader, Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{ConvertedType, Type as PhysicalType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, SchemaDescriptor};

use super::batches::{BatchRows, guarded, repeated_name};
use super::{Wanted, require_codecs};
use crate::Error;
use crate::format::{is_list_of_weights, is_media};
use crate::original::{Original, WatchedFile};

/// Rows decoded at a time, at most.
const BATCH_ROWS: i64 = 512;
/// Bytes decoded at a time, unless a single row has more.
const BATCH_BYTES: i64 = 32 << 20;

impl Length for WatchedFile {
    fn len(&self) -> u64 {
        WatchedFile::len(self)
    }
}

impl ChunkReader for WatchedFile {
    type T = BufReader<Self>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let mut file = self.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let mut file = self.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() != length {
            return Err(ParquetError::EOF(format!("expected {length} bytes, found {}", bytes.len())));
        }
        Ok(bytes.into())
    }
}

/// The names of a file's top-level columns.
pub(super) fn column_names(file: &Original) -> Result<Vec<String>, Error> {
    let builder = open(file)?;
    Ok(builder.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Opens a file for reading in batches.
pub(super) fn open(file: &Original) -> Result<ParquetRecordBatchReaderBuilder<WatchedFile>, Error> {
    let reader = file.open()?;
    let builder = guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(reader)))
        .unwrap_or_else(|damage| Err(damage.into()))
        .map_err(|source| parquet_error(file, source))?;
    require_codecs(file.path(), builder.metadata())?;
    if let Some(name) = repeated_name(builder.schema()) {
        return Err(parquet_error(file, ParquetError::General(name)));
    }
    let groups = builder.metadata().row_groups();
    // Rows of a group are taken to be alike; the largest in the mean decides.
    let row_bytes = groups.iter().map(|group| group.total_byte_size() / group.num_rows().max(1)).max();
    let rows = (BATCH_BYTES / row_bytes.unwrap_or(1).max(1)).clamp(1, BATCH_ROWS);
    Ok(builder.with_batch_size(usize::try_from(rows).unwrap_or(1)))
}

pub(super) fn parquet_error(file: &Original, source: ParquetError) -> Error {
    file.blame(Error::Parquet { path: file.path().to_owned(), source })
}

/// The rows of a file as JSON objects.
pub(super) fn read_rows(file: &Original, wanted: &Wanted) -> Result<BatchRows, Error> {
    let mut builder = open(file)?;
    let mask = match wanted {
        Wanted::All => ProjectionMask::all(),
        Wanted::Only(columns) => {
            ProjectionMask::leaves(builder.parquet_schema(), leaves(builder.parquet_schema(), columns))
        }
        Wanted::AndTexts(columns) => {
            let schema = builder.parquet_schema();
            let further = further_leaves(schema, columns);
            ProjectionMask::leaves(schema, leaves(schema, columns).into_iter().chain(further))
        }
    };
    builder = builder.with_projection(mask);
    let batches = builder.build().map_err(|source| parquet_error(file, source))?;
    Ok(BatchRows::new(batches))
}

/// The top-level column of a leaf.
fn root(leaf: &ColumnDescriptor) -> &str {
    leaf.path().parts().first().map_or("", String::as_str)
}

/// The leaves of columns.
fn leaves(schema: &SchemaDescriptor, columns: &[String]) -> Vec<usize> {
    let all = schema.columns().iter().enumerate();
    all.filter(|(_, leaf)| columns.iter().any(|name| name == root(leaf))).map(|(at, _)| at).collect()
}

/// The leaves of further columns that may matter. Lists of numbers are left out, which are vectors, except those of
/// weights. Bytes beside text
/// are left out too, unless the column holds media, since such a row cannot be scored.
fn further_leaves(schema: &SchemaDescriptor, columns: &[String]) -> Vec<usize> {
    let is_further = |leaf: &&ColumnDescPtr| !columns.iter().any(|name| name == root(leaf));
    let has_more = |leaf: &ColumnDescriptor| {
        schema.columns().iter().any(|other| root(other) == root(leaf) && !is_bytes(other))
    };
    let says = |leaf: &ColumnDescriptor| match is_bytes(leaf) {
        true => !has_more(leaf) || is_media(root(leaf)),
        false => {
            leaf.physical_type() == PhysicalType::BYTE_ARRAY
                || leaf.max_rep_level() == 0
                || is_list_of_weights(root(leaf))
        }
    };
    let all = schema.columns().iter().enumerate();
    all.filter(|(_, leaf)| is_further(leaf) && says(leaf)).map(|(at, _)| at).collect()
}

/// Whether a leaf holds bytes that nobody said were text.
fn is_bytes(leaf: &ColumnDescriptor) -> bool {
    let is_named = leaf.logical_type_ref().is_some() || leaf.converted_type() != ConvertedType::NONE;
    let kind = leaf.physical_type();
    kind == PhysicalType::FIXED_LEN_BYTE_ARRAY || kind == PhysicalType::BYTE_ARRAY && !is_named
}
