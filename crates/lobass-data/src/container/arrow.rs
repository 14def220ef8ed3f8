//! Arrow's own files: Feather, and what `datasets` writes with `save_to_disk`.

use std::io::BufReader;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::batches::{BatchRows, guarded, repeated_name};
use super::{ArrowKind, Wanted, frames};
use crate::Error;
use crate::original::{Original, WatchedFile};

/// A file that is read batch by batch.
pub(super) struct ArrowFile {
    pub(super) schema: SchemaRef,
    pub(super) batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
}

/// The names of a file's top-level columns.
pub(super) fn column_names(file: &Original, kind: ArrowKind) -> Result<Vec<String>, Error> {
    Ok(open(file, kind, None)?.schema.fields().iter().map(|field| field.name().clone()).collect())
}

/// Opens a file, of all columns or those that are named.
pub(super) fn open(file: &Original, kind: ArrowKind, columns: Option<&[String]>) -> Result<ArrowFile, Error> {
    let wanted = |schema: &SchemaRef| -> Option<Vec<usize>> {
        let fields = schema.fields().iter().enumerate();
        columns.map(|columns| {
            fields.filter_map(|(at, field)| columns.contains(field.name()).then_some(at)).collect()
        })
    };
    opened(file, |mut reader| frames::check(&mut reader, kind))?;
    match kind {
        ArrowKind::Stream => {
            let whole = opened(file, |reader| StreamReader::try_new(reader, None))?;
            let schema = whole.schema();
            check_names(file, &schema)?;
            let Some(wanted) = wanted(&schema) else {
                return Ok(ArrowFile { schema, batches: Box::new(whole) });
            };
            let batches = opened(file, |reader| StreamReader::try_new(reader, Some(wanted)))?;
            Ok(ArrowFile { schema: batches.schema(), batches: Box::new(batches) })
        }
        ArrowKind::File => {
            let whole = opened(file, |reader| FileReader::try_new(reader, None))?;
            let schema = whole.schema();
            check_names(file, &schema)?;
            let Some(wanted) = wanted(&schema) else {
                return Ok(ArrowFile { schema, batches: Box::new(whole) });
            };
            let batches = opened(file, |reader| FileReader::try_new(reader, Some(wanted)))?;
            Ok(ArrowFile { schema: batches.schema(), batches: Box::new(batches) })
        }
    }
}

fn check_names(file: &Original, schema: &SchemaRef) -> Result<(), Error> {
    let repeated = repeated_name(schema).map(ArrowError::SchemaError);
    repeated.map_or(Ok(()), |error| Err(arrow_error(file, error)))
}

/// Opens a reader on the file.
fn opened<T>(
    file: &Original,
    open: impl FnOnce(BufReader<WatchedFile>) -> Result<T, ArrowError>,
) -> Result<T, Error> {
    let reader = BufReader::new(file.open()?);
    guarded(|| open(reader)).map_err(|source| arrow_error(file, source))
}

pub(super) fn arrow_error(file: &Original, source: ArrowError) -> Error {
    file.blame(Error::Arrow { path: file.path().to_owned(), source })
}

/// The rows of a file as JSON objects. A batch is in memory as a whole, so few columns spare little.
pub(super) fn read_rows(file: &Original, kind: ArrowKind, wanted: &Wanted) -> Result<BatchRows, Error> {
    let columns = match wanted {
        Wanted::Only(columns) => Some(&columns[..]),
        Wanted::All | Wanted::AndTexts(_) => None,
    };
    Ok(BatchRows::new(open(file, kind, columns)?.batches))
}
