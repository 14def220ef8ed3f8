//! The directory of a run.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use lobass_core::{Detail, RowStatus, Sequence};

use crate::commit::{self, COMMITS, Commit, DATA, ROWS, to_json};
use crate::lock::{LOCK, Lock};
use crate::losses::{self, RowLoss};
use crate::rows::{self, EncodedRow};
use crate::score::stage_name;
use crate::shard::Shard;
use crate::store::{Put, Store};
use crate::{Error, ModelKey, Plan};

/// A plan and what has been done of it.
#[derive(Debug)]
pub struct WorkDir {
    pub(crate) store: Store,
    pub(crate) plan: Plan,
    pub(crate) plan_id: String,
    lock: Lock,
}

const PLAN: &str = "plan.json";

impl WorkDir {
    /// Begins a directory with a plan, or takes up one that was begun with the same.
    ///
    /// # Errors
    /// [`Error::OtherPlan`] if it was begun with another one, [`Error::Foreign`] if there are files in it and no plan;
    /// nothing in it is touched then.
    pub fn open(dir: &Path, plan: Plan) -> Result<Self, Error> {
        check_ours(dir)?;
        let store = Store::open(dir)?;
        let lock = Lock::share(dir)?;
        let plan_id = plan.id();
        if store.put_if_absent(PLAN, &to_json(&plan))? == Put::Existed {
            let found = Self::plan_in(dir)?.unwrap_or_else(|| plan.clone());
            if found.id() != plan_id {
                let differences = plan.differences(&found);
                return Err(Error::OtherPlan { path: dir.to_owned(), differences });
            }
        }
        Ok(Self { store, plan, plan_id, lock })
    }

    /// The plan that a directory was begun with, if it was.
    ///
    /// # Errors
    /// If there is a plan that cannot be read.
    pub fn plan_in(dir: &Path) -> Result<Option<Plan>, Error> {
        let path = dir.join(PLAN);
        if !path.exists() {
            return Ok(None);
        }
        let json = fs_err::read(&path)?;
        serde_json::from_slice(&json).map(Some).map_err(|source| Error::Json {
            path,
            expected: "a plan",
            source,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether every shard has been encoded.
    ///
    /// # Errors
    /// If a commit cannot be read.
    pub fn is_encoded(&self) -> Result<bool, Error> {
        self.is_done(ROWS)
    }

    /// Whether every shard has been scored by a model.
    ///
    /// # Errors
    /// If a commit cannot be read.
    pub fn is_scored(&self, model: &ModelKey, detail: Detail) -> Result<bool, Error> {
        self.is_done(&stage_name(model, detail))
    }

    /// Every row that has a sequence, by its position in the pool: what a reference is trained on. Of pairs it is the
    /// chosen side.
    ///
    /// # Errors
    /// If a shard has not been encoded or cannot be read.
    pub fn sequences(&self) -> Result<Vec<(u64, Sequence)>, Error> {
        let mut sequences = Vec::new();
        for &shard in &self.plan.shards {
            let rows = self.rows(shard)?.into_iter();
            sequences.extend(rows.filter_map(|row| Some((row.row, row.sequence?))));
        }
        Ok(sequences)
    }

    /// Every pair that has sequences, by its position in the pool: the chosen side, then the rejected one.
    ///
    /// # Errors
    /// If a shard has not been encoded or cannot be read.
    pub fn pairs(&self) -> Result<Vec<(u64, Sequence, Sequence)>, Error> {
        let mut pairs = Vec::new();
        for &shard in &self.plan.shards {
            let rows = self.rows(shard)?.into_iter();
            pairs.extend(rows.filter_map(|row| Some((row.row, row.sequence?, row.rejected?))));
        }
        Ok(pairs)
    }

    /// Rows of each status that has no sequence.
    ///
    /// # Errors
    /// If a shard has not been encoded or cannot be read.
    pub fn unscored(&self) -> Result<BTreeMap<RowStatus, u64>, Error> {
        let mut counts = BTreeMap::new();
        for &shard in &self.plan.shards {
            for row in self.rows(shard)?.iter().filter(|row| row.sequence.is_none()) {
                *counts.entry(row.status).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// Removes what lobass wrote, and the directory if nothing else is in it. While another process has the directory
    /// open, it is left to that one.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let Self { store, lock, .. } = self;
        let Some(_alone) = lock.alone()? else { return Ok(()) };
        // Commits first: without them, what is left means nothing.
        for folder in [COMMITS, DATA] {
            if store.exists(folder) {
                fs_err::remove_dir_all(store.path(folder))?;
            }
        }
        for file in [PLAN, LOCK] {
            if store.exists(file) {
                fs_err::remove_file(store.path(file))?;
            }
        }
        match fs_err::remove_dir(store.root()) {
            Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn is_done(&self, stage: &str) -> Result<bool, Error> {
        for &shard in &self.plan.shards {
            if self.find(stage, shard)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn find(&self, stage: &str, shard: Shard) -> Result<Option<Commit>, Error> {
        commit::find(&self.store, &self.plan_id, stage, shard)
    }

    /// The encoded rows of a shard, checked against their commit.
    pub(crate) fn rows(&self, shard: Shard) -> Result<Vec<EncodedRow>, Error> {
        let commit = self.committed(ROWS, shard)?;
        let path = self.store.path(&commit.file);
        let rows = rows::read(&path).map_err(|error| self.damaged(&commit, &whole(&error)))?;
        self.check(&commit, &rows::digest(&rows))?;
        Ok(rows)
    }

    /// The losses of a shard, checked against their commit.
    pub(crate) fn losses(&self, stage: &str, shard: Shard) -> Result<Vec<RowLoss>, Error> {
        let commit = self.committed(stage, shard)?;
        let path = self.store.path(&commit.file);
        let losses = losses::read(&path).map_err(|error| self.damaged(&commit, &whole(&error)))?;
        self.check(&commit, &losses::digest(&losses))?;
        Ok(losses)
    }

    fn committed(&self, stage: &str, shard: Shard) -> Result<Commit, Error> {
        self.find(stage, shard)?.ok_or_else(|| Error::Unfinished {
            missing: 1,
            all: self.plan.shards.len(),
            shard: shard.id,
            stage: stage.to_owned(),
        })
    }

    fn check(&self, commit: &Commit, digest: &str) -> Result<(), Error> {
        if commit.digest == digest {
            return Ok(());
        }
        let (found, committed) = (&digest[..16], &commit.digest[..16]);
        Err(self.damaged(commit, &format!("its values have digest {found}, {committed} was committed")))
    }

    fn damaged(&self, commit: &Commit, what: &str) -> Error {
        let path = self.store.path(&commit.file);
        let commit = self.store.path(&commit::name(&commit.stage, commit.shard));
        let reason = format!("{what}; delete `{}` to have its shard done again", commit.display());
        Error::Damaged { path, reason }
    }
}

/// An error with all its causes.
fn whole(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Refuses a directory that has something in it and was not begun by lobass.
fn check_ours(dir: &Path) -> Result<(), Error> {
    if !dir.exists() || dir.join(PLAN).exists() {
        return Ok(());
    }
    let ours = [PLAN, LOCK, COMMITS, DATA];
    for entry in fs_err::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !ours.contains(&&*name) && !name.ends_with(".partial") {
            return Err(Error::Foreign { path: dir.to_owned(), name });
        }
    }
    Ok(())
}
