//! Files of rows: JSON, JSON lines, CSV, Parquet, and Arrow, read as streams.
//!
//! The first bytes of a file decide its container, not its name. Memory is that of one row (one batch for
//! Parquet and Arrow), whatever the size of the file.

mod arrow;
mod batches;
mod cells;
mod codecs;
mod compression;
mod csv;
mod cursor;
mod detect;
mod frames;
mod json_array;
mod json_lines;
mod json_object;
mod json_table;
mod json_values;
mod parquet;
mod rows;
mod seems;
mod subset;
mod text;

use std::fmt;

pub use codecs::require_codecs;
pub use compression::Compression;
pub use rows::{RawRow, Rows};
pub(crate) use seems::READ;
pub use subset::SubsetReport;
pub(crate) use subset::write_subset;

use crate::Error;
use crate::original::Original;

/// Rows beyond this size are not kept in memory: 16 MiB of text is more than any model reads.
pub const MAX_ROW_BYTES: usize = 16 << 20;

/// How the rows of a file are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// One JSON array.
    JsonArray(Compression),
    /// One JSON object with the rows in one of its lists: `{"version": "1.0", "data": [..]}`.
    JsonObject {
        /// The key of the list.
        list: String,
        /// The keys of other lists of rows, which are not read.
        left_out: Vec<String>,
        /// How the text is compressed.
        compression: Compression,
    },
    /// One JSON object with the cells of each column.
    JsonTable {
        /// How the cells stand in it.
        cells: TableCells,
        /// How the text is compressed.
        compression: Compression,
    },
    /// One JSON object per line.
    JsonLines(Compression),
    /// JSON objects one after another, over any number of lines.
    JsonValues(Compression),
    /// Comma-separated values below a line of column names.
    Csv {
        /// The separator of two cells: a comma, a tab, or a semicolon.
        separator: u8,
        /// How the text is compressed.
        compression: Compression,
    },
    /// Apache Arrow.
    Arrow(ArrowKind),
    /// Apache Parquet.
    Parquet,
}

/// How the cells of a column stand in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableCells {
    /// In a list: `{"a": [1, 2]}`.
    Lists,
    /// In an object, by the labels of their rows: `{"a": {"0": 1, "1": 2}}`.
    Labels,
}

/// The two kinds of Arrow files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrowKind {
    /// With an index at its end, also called Feather.
    File,
    /// Without one, as `datasets` writes it.
    Stream,
}

/// Which columns are read of a file that is stored in columns; of a text, all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them.
    All,
    /// Those of these names.
    Only(Vec<String>),
    /// Those of these names, and whatever else may say something: no vectors, no images.
    AndTexts(Vec<String>),
}

impl Wanted {
    /// Whether a column counts for the size of a row.
    fn counts(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(columns) | Self::AndTexts(columns) => columns.iter().any(|column| column == name),
        }
    }
}

impl Container {
    /// The ending that names of such files have.
    pub fn suffix(&self) -> String {
        let ending = match self {
            Self::JsonArray(_) | Self::JsonObject { .. } | Self::JsonTable { .. } | Self::JsonValues(_) => {
                ".json"
            }
            Self::JsonLines(_) => ".jsonl",
            Self::Csv { separator: b'\t', .. } => ".tsv",
            Self::Csv { .. } => ".csv",
            Self::Arrow(_) => ".arrow",
            Self::Parquet => ".parquet",
        };
        format!("{ending}{}", self.compression().suffix())
    }

    /// How its text is compressed.
    pub fn compression(&self) -> Compression {
        match self {
            Self::JsonArray(compression)
            | Self::JsonObject { compression, .. }
            | Self::JsonTable { compression, .. }
            | Self::JsonLines(compression)
            | Self::JsonValues(compression)
            | Self::Csv { compression, .. } => *compression,
            Self::Arrow(_) | Self::Parquet => Compression::None,
        }
    }

    /// Looks at the first bytes of a file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Container`] if it cannot be read, [`Error::Empty`] if there is nothing in it.
    pub(crate) fn detect(file: &Original) -> Result<Self, Error> {
        detect::detect(file)
    }

    /// The names of a file's columns, where the file says them: in JSON every row has its own.
    pub(crate) fn column_names(&self, file: &Original) -> Result<Option<Vec<String>>, Error> {
        match self {
            Self::Parquet => parquet::column_names(file).map(Some),
            Self::Arrow(kind) => arrow::column_names(file, *kind).map(Some),
            _ => Ok(None),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JsonArray(_) => f.write_str("JSON array"),
            Self::JsonObject { list, left_out, .. } => {
                write!(f, "JSON array `{list}` of an object")?;
                match left_out.is_empty() {
                    true => Ok(()),
                    false => write!(f, " (without `{}`)", left_out.join("`, `")),
                }
            }
            Self::JsonTable { cells: TableCells::Lists, .. } => {
                f.write_str("JSON object with a list for each column")
            }
            Self::JsonTable { .. } => f.write_str("JSON object with labelled cells for each column"),
            Self::JsonLines(_) => f.write_str("JSON lines"),
            Self::JsonValues(_) => f.write_str("JSON objects over several lines"),
            Self::Csv { separator: b'\t', .. } => f.write_str("TSV"),
            Self::Csv { separator: b',', .. } => f.write_str("CSV"),
            Self::Csv { separator, .. } => write!(f, "CSV with `{}`", char::from(*separator)),
            Self::Arrow(ArrowKind::File) => f.write_str("Arrow"),
            Self::Arrow(ArrowKind::Stream) => f.write_str("Arrow stream"),
            Self::Parquet => f.write_str("Parquet"),
        }?;
        match self.compression() {
            Compression::None => Ok(()),
            Compression::Gzip => f.write_str(", gzip"),
            Compression::Zstd => f.write_str(", zstd"),
        }
    }
}
