//! A score table that a job reads: a file, or a table in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobass_data::Pool;
use lobass_run::ScoreFile;

use crate::error::Result;
use crate::runtime::Runtime;
use crate::score::Scored;
use crate::sequences::open_scored_pool;

/// A score table that a job reads.
#[derive(Debug, Clone)]
pub enum TableInput {
    /// A file.
    File(PathBuf),
    /// A table in memory, or one that is open already.
    Scored(Scored),
}

impl TableInput {
    /// Tables in files.
    pub fn files(paths: &[PathBuf]) -> Vec<Self> {
        paths.iter().cloned().map(Self::File).collect()
    }

    /// The file, or the name of a table in memory.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Scored(scored) => scored.table().path(),
        }
    }

    /// The file, if it is not open yet.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Scored(_) => None,
        }
    }

    pub(crate) fn open(&self) -> Result<Arc<ScoreFile>> {
        Ok(match self {
            Self::File(path) => Arc::new(ScoreFile::open(path)?),
            Self::Scored(scored) => Arc::clone(&scored.table),
        })
    }

    /// The rows: those that came with the table, or its data files, at new places if `data` names some.
    pub(crate) fn pool(&self, data: &[PathBuf], reads_rows: bool, runtime: &Runtime) -> Result<Pool> {
        if let Self::Scored(scored) = self
            && data.is_empty()
            && scored.pool.files().len() == scored.manifest().inputs.len()
        {
            return Ok(scored.pool.clone());
        }
        open_scored_pool(self.path(), data, self.open()?.manifest(), reads_rows, runtime)
    }
}

/// The places of tables.
pub(crate) fn paths(tables: &[TableInput]) -> Vec<PathBuf> {
    tables.iter().map(|table| table.path().to_owned()).collect()
}
