//! One iterator over the rows of any container.

use std::io::BufRead;
use std::path::Path;

use serde_json::{Map, Value};

use super::batches::BatchRows;
use super::csv::CsvRows;
use super::json_array::{ArrayError, Item, JsonArray};
use super::json_lines::JsonLines;
use super::json_table::JsonTable;
use super::json_values::JsonValues;
use super::text::{RawText, check_size};
use super::{Compression, Container, TableCells, Wanted, arrow, parquet};
use crate::original::Original;
use crate::{Error, RowFault, json};

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
    file: Original,
    source: Source,
    wanted: Wanted,
    constants: Vec<(String, Value)>,
    /// Whether numbers that JSON values cannot hold become text.
    is_plain: bool,
}

enum Source {
    Text(TextRows),
    Parquet(BatchRows),
    Arrow(BatchRows),
    Table(JsonTable),
    Done,
}

/// The rows of a text.
pub(super) enum TextRows {
    Array(JsonArray<Box<dyn BufRead + Send>>),
    Lines(JsonLines<Box<dyn BufRead + Send>>),
    Values(JsonValues<Box<dyn BufRead + Send>>),
    Csv(CsvRows<Box<dyn BufRead + Send>>),
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Rows {
    /// The rows of any file that lobass reads, with all their fields and whatever these mean. Integers of more than 64
    /// bits are text.
    ///
    /// # Errors
    /// If it is not there, or is no container that lobass knows.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let file = Original::of(path)?;
        let container = Container::detect(&file)?;
        let rows = Self::open(&file, &container, Wanted::All)?;
        Ok(Self { is_plain: true, ..rows })
    }

    /// The rows of JSON lines in memory, as those of a file.
    ///
    /// # Errors
    /// If they are no JSON lines.
    pub fn of_lines(name: &str, lines: Vec<u8>) -> Result<Self, Error> {
        let file = Original::of_memory(name, lines);
        let rows = Self::open(&file, &Container::JsonLines(Compression::None), Wanted::All)?;
        Ok(Self { is_plain: true, ..rows })
    }

    /// The rows of a CSV or TSV file without a line of column names. Every cell is text.
    ///
    /// # Errors
    /// If it is not there, or is another container.
    pub fn of_csv_without_names(path: &Path, names: &[&str]) -> Result<Self, Error> {
        let file = Original::of(path)?;
        let (separator, compression) = match Container::detect(&file)? {
            Container::Csv { separator, compression } => (separator, compression),
            other => {
                let reason = format!("expected CSV without a line of column names, found {other}");
                return Err(Error::Container { path: path.to_owned(), reason });
            }
        };
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let rows = TextRows::Csv(CsvRows::named(compression.open(&file)?, separator, names));
        Ok(Self {
            file,
            source: Source::Text(rows),
            wanted: Wanted::All,
            constants: Vec::new(),
            is_plain: true,
        })
    }

    /// Opens a file.
    pub(crate) fn open(file: &Original, container: &Container, wanted: Wanted) -> Result<Self, Error> {
        let source = match container {
            Container::Parquet => Source::Parquet(parquet::read_rows(file, &wanted)?),
            Container::Arrow(kind) => Source::Arrow(arrow::read_rows(file, *kind, &wanted)?),
            Container::JsonTable { cells, compression } => {
                Source::Table(open_table(file, *cells, *compression)?)
            }
            text => Source::Text(TextRows::open(file, text)?),
        };
        Ok(Self { file: file.clone(), source, wanted, constants: Vec::new(), is_plain: false })
    }

    /// Adds columns that are the same in every row, unless the rows have them.
    pub(crate) fn with_constants(self, constants: &[(String, Value)]) -> Self {
        Self { constants: constants.to_vec(), ..self }
    }

    fn complete(&self, mut row: RawRow) -> RawRow {
        if let Ok(fields) = &mut row.fields {
            if self.is_plain {
                fields.values_mut().for_each(|value| *value = json::plain(value.take()));
            }
            for (name, value) in &self.constants {
                if !fields.contains_key(name) {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
        row
    }

    fn next_row(&mut self) -> Result<Option<RawRow>, Error> {
        let fields = match &mut self.source {
            Source::Text(rows) => {
                let text = rows.next_text(&self.file)?;
                return Ok(
                    text.map(|text| RawRow { fields: rows.fields(&text), n_bytes: text.length as u64 })
                );
            }
            Source::Table(table) => return Ok(table.next_row()),
            Source::Parquet(rows) => {
                rows.next_row().map_err(|source| parquet::parquet_error(&self.file, source.into()))?
            }
            Source::Arrow(rows) => {
                rows.next_row().map_err(|source| arrow::arrow_error(&self.file, source))?
            }
            Source::Done => None,
        };
        Ok(fields.map(|fields| {
            let counted = fields.iter().filter(|(name, _)| self.wanted.counts(name));
            let n_bytes = counted.map(|(_, value)| size_of(value)).sum();
            RawRow { fields: check_size(n_bytes, "the row").map(|()| fields), n_bytes }
        }))
    }
}

impl TextRows {
    /// Opens a file that is a text.
    pub(super) fn open(file: &Original, container: &Container) -> Result<Self, Error> {
        let reader = container.compression().open(file)?;
        Ok(match container {
            Container::JsonArray(_) => Self::Array(JsonArray::new(reader, None)),
            Container::JsonObject { list, .. } => Self::Array(JsonArray::new(reader, Some(list))),
            Container::JsonValues(_) => Self::Values(JsonValues::new(reader)),
            Container::Csv { separator, .. } => {
                let fail = |reason| Error::Container { path: file.path().to_owned(), reason };
                let opened = CsvRows::open(reader, *separator).map_err(|error| unreadable(file, &error))?;
                Self::Csv(opened.map_err(fail)?)
            }
            Container::JsonLines(_)
            | Container::JsonTable { .. }
            | Container::Arrow(_)
            | Container::Parquet => Self::Lines(JsonLines::new(reader)),
        })
    }

    fn next_text(&mut self, file: &Original) -> Result<Option<RawText>, Error> {
        let read = match self {
            Self::Lines(lines) => lines.next_row(),
            Self::Values(values) => values.next_row(),
            Self::Csv(rows) => rows.next_row(),
            Self::Array(array) => {
                return match array.next_item().map_err(|error| array_error(file, error))? {
                    Item::Element(text) => Ok(Some(text)),
                    Item::End { .. } => Ok(None),
                };
            }
        };
        read.map_err(|error| unreadable(file, &error))
    }

    fn fields(&self, row: &RawText) -> Result<Map<String, Value>, RowFault> {
        match self {
            Self::Csv(rows) => rows.fields(row),
            _ => row.json_fields(),
        }
    }
}

/// Reads a table of JSON.
pub(super) fn open_table(
    file: &Original,
    cells: TableCells,
    compression: Compression,
) -> Result<JsonTable, Error> {
    let table = JsonTable::read(compression.open(file)?, cells).map_err(|error| unreadable(file, &error))?;
    table.map_err(|reason| file.blame(Error::Container { path: file.path().to_owned(), reason }))
}

/// An error while reading, from the disk or from a damaged gzip or zstd stream, which does not name its file.
pub(super) fn unreadable(file: &Original, error: &std::io::Error) -> Error {
    file.blame(Error::Container { path: file.path().to_owned(), reason: error.to_string() })
}

pub(super) fn array_error(file: &Original, error: ArrayError) -> Error {
    match error {
        ArrayError::Io(error) => unreadable(file, &error),
        ArrayError::Syntax(reason) => file.blame(Error::Container {
            path: file.path().to_owned(),
            reason: format!("the JSON array is damaged: {reason}"),
        }),
    }
}

impl Iterator for Rows {
    type Item = Result<RawRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next_row().transpose();
        if !matches!(row, Some(Ok(_))) {
            self.source = Source::Done; // after an error, nothing that follows can be trusted
        }
        row.map(|row| row.map(|row| self.complete(row)))
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
