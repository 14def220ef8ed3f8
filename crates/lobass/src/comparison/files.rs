//! The files of trials: results that are whole or absent, and the states of trials that are not done.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Context as _, Result, bail};

/// The directory of a comparison, as its trials use it.
#[derive(Debug, Clone)]
pub(super) struct TrialFiles {
    out: PathBuf,
}

/// A record of a trial that is done.
pub(super) trait TrialResult: Serialize + DeserializeOwned {
    /// SHA-256 of everything that decides the trial.
    fn identity(&self) -> &str;
}

impl TrialFiles {
    pub(super) fn new(out: &Path) -> Self {
        Self { out: out.to_owned() }
    }

    /// The record of a trial, if it is done.
    pub(super) fn read<T: TrialResult>(&self, id: &str, identity: &str) -> Result<Option<T>> {
        let path = self.result_path(id);
        if !path.exists() {
            return Ok(None);
        }
        let record: T = serde_json::from_slice(&fs_err::read(&path)?)
            .with_context(|| format!("`{}` is not the result of a training", path.display()))?;
        if record.identity() != identity {
            bail!(
                Comparison,
                "`{}` belongs to other rows or settings than this comparison; remove it, or use another directory",
                path.display()
            );
        }
        Ok(Some(record))
    }

    /// Does a trial unless it is done. The process that does it holds its lock; others wait for the lock. `make` gets
    /// the folder for states of the training.
    pub(super) fn once<T: TrialResult>(
        &self,
        id: &str,
        identity: &str,
        make: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<T> {
        let (state, lock_path) = self.state_paths(id);
        fs_err::create_dir_all(self.out.join("state"))?;
        let lock = fs_err::File::create(&lock_path)?;
        lock.file().lock().with_context(|| format!("locking `{}`", lock_path.display()))?;
        let record = match self.read(id, identity)? {
            Some(record) => record,
            None => {
                let record = make(&state)?;
                fs_err::create_dir_all(self.out.join("trials"))?;
                lobass_files::write_whole(&self.result_path(id), &serde_json::to_vec(&record)?)?;
                record
            }
        };
        self.remove_state(id)?;
        Ok(record)
    }

    /// Removes what a trial needs until its result is written. Another process may be doing the same.
    pub(super) fn remove_state(&self, id: &str) -> Result<()> {
        let (state, lock) = self.state_paths(id);
        for removed in [fs_err::remove_dir_all(state), fs_err::remove_file(lock)] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn result_path(&self, id: &str) -> PathBuf {
        self.out.join("trials").join(format!("{id}.json"))
    }

    /// The folder of a training's states, and the file whose lock its process holds.
    fn state_paths(&self, id: &str) -> (PathBuf, PathBuf) {
        let states = self.out.join("state");
        (states.join(id), states.join(format!("{id}.lock")))
    }
}
