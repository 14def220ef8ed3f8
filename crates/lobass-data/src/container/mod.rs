//! Files of rows: JSON arrays, JSON lines, and Parquet, read as streams.
//!
//! The container is told from a file's first bytes, not from its name. Memory is that of one row (one batch for
//! Parquet), whatever the size of the file.

mod compression;
mod json_array;
mod json_lines;
mod parquet;
mod rows;
mod subset;

use std::fmt;
use std::io::BufRead as _;
use std::path::Path;

pub use compression::Compression;
pub(crate) use parquet::column_names;
pub(crate) use rows::kind_of;
pub use rows::{RawRow, Rows};
pub use subset::{SubsetReport, write_subset};

use crate::Error;

/// Rows beyond this size are not kept in memory: 16 MiB of text is more than any model reads.
pub const MAX_ROW_BYTES: usize = 16 << 20;

/// How the rows of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// One JSON array.
    JsonArray(Compression),
    /// One JSON object per line.
    JsonLines(Compression),
    /// Apache Parquet.
    Parquet,
}

impl Container {
    /// Looks at the first bytes of a file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Container`] if it cannot be read, [`Error::Empty`] if there is nothing in it.
    pub fn detect(path: &Path) -> Result<Self, Error> {
        let compression = Compression::sniff(path)?;
        // A damaged stream does not know its file.
        let damaged =
            |error: std::io::Error| Error::Container { path: path.to_owned(), reason: error.to_string() };
        let mut text = compression.open(path).map_err(damaged)?;
        loop {
            let buffer = text.fill_buf().map_err(damaged)?;
            if buffer.starts_with(b"PAR1") {
                return Ok(Self::Parquet);
            }
            let mark = usize::from(buffer.starts_with(b"\xef\xbb\xbf")) * 3;
            match buffer[mark..].iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[') => return Ok(Self::JsonArray(compression)),
                Some(_) => return Ok(Self::JsonLines(compression)),
                None if buffer.is_empty() => return Err(Error::Empty { path: path.to_owned() }),
                None => {
                    let length = buffer.len();
                    text.consume(length);
                }
            }
        }
    }

    /// The ending that names of such files have.
    pub fn suffix(self) -> String {
        match self {
            Self::JsonArray(compression) => format!(".json{}", compression.suffix()),
            Self::JsonLines(compression) => format!(".jsonl{}", compression.suffix()),
            Self::Parquet => ".parquet".to_owned(),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, compression) = match self {
            Self::JsonArray(compression) => ("JSON array", *compression),
            Self::JsonLines(compression) => ("JSON lines", *compression),
            Self::Parquet => ("Parquet", Compression::None),
        };
        f.write_str(name)?;
        match compression {
            Compression::None => Ok(()),
            Compression::Gzip => f.write_str(", gzip"),
            Compression::Zstd => f.write_str(", zstd"),
        }
    }
}

/// The text of one row as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct RawText {
    /// The text, or nothing if it was too long to keep.
    bytes: Vec<u8>,
    /// Its length in bytes.
    length: usize,
    /// Where it stands, for messages.
    place: String,
    /// White space before it, in a JSON array.
    before: Vec<u8>,
}
