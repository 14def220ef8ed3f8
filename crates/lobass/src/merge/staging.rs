//! A checkpoint directory that is there whole or not at all.

use std::path::{Path, PathBuf};

use super::record::MergeRecord;
use crate::error::{Result, bail};
use crate::outputs;

/// A directory beside the final one, which gets its name when everything is in it.
pub(super) struct Staging {
    out: PathBuf,
    pub(super) dir: PathBuf,
}

impl Staging {
    /// Begins the directory. What a killed merge left of it is removed.
    ///
    /// # Errors
    /// If `out` has files in it, or the other directory is not one of a merge.
    pub(super) fn begin(out: &Path, record: &MergeRecord) -> Result<Self> {
        outputs::check_empty(out)?;
        let Some(name) = out.file_name() else {
            bail!(Output, "`{}`: expected a directory with a name", out.display());
        };
        let mut name = name.to_owned();
        name.push(".partial");
        let dir = out.with_file_name(name);
        if dir.exists() {
            if MergeRecord::read(&dir)?.is_none() {
                outputs::check_empty(&dir)?;
            }
            fs_err::remove_dir_all(&dir)?;
        }
        fs_err::create_dir_all(&dir)?;
        record.write(&dir)?;
        Ok(Self { out: out.to_owned(), dir })
    }

    /// Gives the directory its name.
    pub(super) fn finish(self) -> Result<()> {
        if self.out.exists() {
            // It holds at most unfinished files. A directory is not renamed over another one on every system.
            fs_err::remove_dir_all(&self.out)?;
        }
        Ok(fs_err::rename(&self.dir, &self.out)?)
    }

    /// Removes the directory.
    pub(super) fn discard(self) -> Result<()> {
        Ok(fs_err::remove_dir_all(&self.dir)?)
    }
}
