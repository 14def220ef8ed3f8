//! Where a selection goes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lobass_core::Observer;
use lobass_data::Pool;

use super::write::output_paths;
use crate::error::Result;
use crate::outputs;
use crate::settings::SelectSettings;

/// Where a selection goes.
#[derive(Debug, Clone, Default)]
pub struct SelectionTarget {
    /// A file, or a directory for several inputs.
    pub out: Option<PathBuf>,
    /// A list of the chosen rows.
    pub index: Option<PathBuf>,
}

impl SelectionTarget {
    /// The place of the rows, and that of the list.
    pub(crate) fn places(&self) -> (Option<&Path>, Option<&Path>) {
        (self.out.as_deref(), self.index.as_deref())
    }

    /// Every file that will be written.
    fn paths(&self, pool: &Pool) -> Result<Vec<PathBuf>> {
        let rows = self.out.as_deref().map(|out| output_paths(pool, out)).transpose()?;
        Ok(rows.into_iter().flatten().chain(self.index.clone()).collect())
    }

    /// Reports which files will be replaced.
    ///
    /// # Errors
    /// If there is no way to write several data files to the target.
    pub fn note_replaced(&self, pool: &Pool, observer: &dyn Observer) -> Result<()> {
        outputs::note_replaced(&self.paths(pool)?, observer);
        Ok(())
    }

    /// Removes every file that would be written, and the directory of the list if nothing else is in it.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove(&self, pool: &Pool) -> Result<()> {
        for path in self.paths(pool)?.iter().filter(|path| path.exists()) {
            fs_err::remove_file(path)?;
        }
        let dir = self.index.as_deref().and_then(Path::parent).filter(|dir| dir.exists());
        match dir.map(fs_err::remove_dir) {
            Some(Err(error)) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Refuses a target that would overwrite the data, the table, what settings name, or a part of itself.
    ///
    /// # Errors
    /// If it would overwrite one of them.
    pub fn check(&self, pool: &Pool, table: &Path, settings: &SelectSettings) -> Result<()> {
        let data = pool.files().iter().map(|file| ("a data file", file.path()));
        let inputs: Vec<_> = data.chain([("the score table", table)]).chain(settings.files()).collect();
        outputs::check(&self.paths(pool)?, &inputs)
    }
}
