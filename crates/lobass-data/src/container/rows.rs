//! One iterator over the rows of any container.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use lobass_core::RowStatus;
use serde_json::{Map, Value};

use super::json_array::{ArrayError, Item, JsonArray};
use super::json_lines::JsonLines;
use super::parquet::{ParquetRows, read_rows};
use super::{Container, MAX_ROW_BYTES, RawText};
use crate::{Error, RowFault};

/// One row before anyone has asked what it means.
#[derive(Debug, Clone)]
pub struct RawRow {
    /// Its fields, or why it has none.
    pub fields: Result<Map<String, Value>, RowFault>,
    /// Its size in bytes, or an estimate of it.
    pub n_bytes: u64,
}

/// The rows of one file, in order.
pub struct Rows {
    path: PathBuf,
    source: Source,
}

enum Source {
    Array(JsonArray<Box<dyn BufRead + Send>>),
    Lines(JsonLines<Box<dyn BufRead + Send>>),
    Parquet(Box<ParquetRows>),
    Done,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Rows {
    /// The rows of any file that lobass reads, with all their fields and whatever these mean.
    ///
    /// # Errors
    /// If it is not there, or is no container that lobass knows.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        Self::open(path, Container::detect(path)?, None)
    }

    /// Opens a file; `columns` names those wanted of a Parquet file, all if `None`.
    pub(crate) fn open(path: &Path, container: Container, columns: Option<&[String]>) -> Result<Self, Error> {
        let source = match container {
            Container::JsonArray(compression) => Source::Array(JsonArray::new(compression.open(path)?)),
            Container::JsonLines(compression) => Source::Lines(JsonLines::new(compression.open(path)?)),
            Container::Parquet => Source::Parquet(Box::new(read_rows(path, columns)?)),
        };
        Ok(Self { path: path.to_owned(), source })
    }

    fn next_text(&mut self) -> Result<Option<RawText>, Error> {
        match &mut self.source {
            Source::Lines(lines) => Ok(lines.next_row().map_err(|error| self.unreadable(&error))?),
            Source::Array(array) => match array.next_item() {
                Ok(Item::Element(text)) => Ok(Some(text)),
                Ok(Item::End { .. }) => Ok(None),
                Err(error) => Err(array_error(&self.path, error)),
            },
            Source::Parquet(_) | Source::Done => Ok(None),
        }
    }

    /// An error while reading, from the disk or from a damaged gzip or zstd stream, which does not name its file.
    fn unreadable(&self, error: &std::io::Error) -> Error {
        Error::Container { path: self.path.clone(), reason: error.to_string() }
    }
}

pub(super) fn array_error(path: &Path, error: ArrayError) -> Error {
    let reason = match error {
        ArrayError::Io(error) => error.to_string(),
        ArrayError::Syntax(reason) => format!("the JSON array is damaged: {reason}"),
    };
    Error::Container { path: path.to_owned(), reason }
}

impl Iterator for Rows {
    type Item = Result<RawRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.source {
            Source::Parquet(rows) => rows.next().map(|row| {
                row.map(|fields| {
                    let n_bytes = fields.values().map(size_of).sum();
                    let fields = check_size(n_bytes, "the row").map(|()| fields);
                    RawRow { fields, n_bytes }
                })
            }),
            _ => self.next_text().map(|text| text.map(|text| text.parse())).transpose(),
        };
        if !matches!(row, Some(Ok(_))) {
            self.source = Source::Done; // after an error, nothing that follows can be trusted
        }
        row
    }
}

impl RawText {
    fn parse(&self) -> RawRow {
        RawRow { fields: self.fields(), n_bytes: self.length as u64 }
    }

    fn fields(&self) -> Result<Map<String, Value>, RowFault> {
        let Self { bytes, length, place, .. } = self;
        check_size(*length as u64, place)?;
        let malformed = |reason: String| RowFault::malformed(format!("{place}: {reason}"));
        let text = std::str::from_utf8(bytes).map_err(|error| {
            malformed(format!("expected UTF-8, found other bytes at byte {}", error.valid_up_to()))
        })?;
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => Err(malformed(format!("expected an object, found {}", kind_of(&other)))),
            Err(error) => Err(malformed(format!("not JSON: {error}"))),
        }
    }
}

fn check_size(n_bytes: u64, place: &str) -> Result<(), RowFault> {
    if n_bytes <= MAX_ROW_BYTES as u64 {
        return Ok(());
    }
    let reason = format!("{place}: {n_bytes} bytes, above the limit of {MAX_ROW_BYTES} for one row");
    Err(RowFault { status: RowStatus::Overlong, reason })
}

/// What a JSON value is, in a person's words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn size_of(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(size_of).sum(),
        Value::Object(fields) => fields.values().map(size_of).sum(),
        _ => 8,
    }
}
