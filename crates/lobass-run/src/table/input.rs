//! Where the bytes of a Parquet table come from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{ChunkReader, Length};

use crate::Error;

/// A Parquet table: a file, or bytes in memory with a name in place of a path.
#[derive(Debug, Clone)]
pub(super) struct Input {
    path: PathBuf,
    bytes: Option<Bytes>,
}

impl Input {
    pub(super) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), bytes: None }
    }

    pub(super) fn memory(name: &Path, bytes: Bytes) -> Self {
        Self { path: name.to_owned(), bytes: Some(bytes) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes, if they are in memory.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        self.bytes.as_ref()
    }

    /// Opens it, once more.
    pub(super) fn open(&self) -> Result<Chunks, Error> {
        match &self.bytes {
            Some(bytes) => Ok(Chunks::Memory(bytes.clone())),
            None => Ok(Chunks::File(fs_err::File::open(&self.path)?.into_parts().0)),
        }
    }
}

/// An open input, as the Parquet reader takes it.
pub(crate) enum Chunks {
    File(File),
    Memory(Bytes),
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Chunks {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(match self {
            Self::File(file) => Box::new(file.get_read(start)?),
            Self::Memory(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Memory(bytes) => bytes.get_bytes(start, length),
        }
    }
}
