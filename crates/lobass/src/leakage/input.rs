//! Questions of a benchmark: a file, or JSON lines in memory.

use std::path::{Path, PathBuf};

use lobass_data::Rows;

use crate::error::{Result, bail};

/// Questions of a benchmark.
#[derive(Debug, Clone)]
pub enum QuestionInput {
    /// A file.
    File(PathBuf),
    /// JSON lines in memory, with a name in place of a path.
    Lines {
        /// The name.
        name: PathBuf,
        /// The text.
        bytes: Vec<u8>,
    },
}

impl QuestionInput {
    /// Questions in files.
    pub fn files(paths: &[PathBuf]) -> Vec<Self> {
        paths.iter().cloned().map(Self::File).collect()
    }

    /// The file, or the name in place of it.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Lines { name, .. } => name,
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Lines { .. } => None,
        }
    }

    pub(super) fn rows(&self) -> Result<Rows> {
        Ok(match self {
            Self::File(path) => Rows::of_file(path)?,
            Self::Lines { name, bytes } => Rows::of_lines(&name.to_string_lossy(), bytes.clone())?,
        })
    }

    /// The rows of a CSV file without a line of column names.
    pub(super) fn rows_without_names(&self, names: &[&str]) -> Result<Rows> {
        match self {
            Self::File(path) => Ok(Rows::of_csv_without_names(path, names)?),
            Self::Lines { name, .. } => {
                bail!(Data, "`{}`: expected the CSV files of MMLU, found rows in memory", name.display())
            }
        }
    }
}
