//! The directory of a run.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use lobass_core::{Detail, ExampleKey, Nll, RowStatus, Sequence};

use crate::attempts::{ATTEMPTS, QUARANTINE};
use crate::commit::{self, COMMITS, Commit, DATA, DIFFERING, ROWS, committed, to_json};
use crate::job::JOBS;
use crate::lock::{LOCK, Lock};
use crate::losses::{self, RowLoss};
use crate::rows::{self, EncodedRow};
use crate::shard::Shard;
use crate::store::{Put, Store};
use crate::unit::stage_name;
use crate::{Error, ModelKey, Plan};

/// A plan and what has been done of it, in a directory or an object store.
#[derive(Debug)]
pub struct WorkDir {
    pub(crate) store: Store,
    pub(crate) plan: Plan,
    pub(crate) plan_id: String,
    lock: Lock,
}

/// The name of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowName {
    /// Its position in the pool.
    pub row: u64,
    /// Its key.
    pub key: ExampleKey,
    /// The file it comes from.
    pub source: String,
    /// Its status after encoding.
    pub status: RowStatus,
}

const PLAN: &str = "plan.json";

impl WorkDir {
    /// Begins a work directory with a plan, or continues one with the same plan.
    ///
    /// # Errors
    /// [`Error::OtherPlan`] if it has another plan, [`Error::Foreign`] if there are files in it and no plan;
    /// nothing in it is touched then.
    pub fn open(store: Store, plan: Plan) -> Result<Self, Error> {
        check_ours(&store)?;
        let lock = Lock::share(&store)?;
        let plan_id = plan.id();
        if store.put_if_absent(PLAN, to_json(&plan))? == Put::Existed {
            let found = Self::plan_in(&store)?.unwrap_or_else(|| plan.clone());
            if found.id() != plan_id {
                let differences = plan.differences(&found);
                return Err(Error::OtherPlan { path: store.path(""), differences });
            }
        }
        Ok(Self { store, plan, plan_id, lock })
    }

    /// Takes up a work directory that was begun; `None` if there is no plan in it.
    ///
    /// # Errors
    /// If there is a plan that cannot be read.
    pub fn resume(store: Store) -> Result<Option<Self>, Error> {
        let lock = Lock::share(&store)?;
        let Some(plan) = Self::plan_in(&store)? else { return Ok(None) };
        Ok(Some(Self { plan_id: plan.id(), store, plan, lock }))
    }

    /// The plan of a work directory, if it has one.
    ///
    /// # Errors
    /// If there is a plan that cannot be read.
    pub fn plan_in(store: &Store) -> Result<Option<Plan>, Error> {
        let Some(json) = store.get(PLAN)? else { return Ok(None) };
        serde_json::from_slice(&json).map(Some).map_err(|source| Error::Json {
            path: store.path(PLAN),
            expected: "a plan",
            source,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether nothing was computed with a model: rows are encoded at most, and no job is prepared.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn is_idle(&self) -> Result<bool, Error> {
        let of_rows = format!("{COMMITS}/{ROWS}/");
        let commits = self.store.list(COMMITS)?;
        Ok(commits.iter().all(|name| name.starts_with(&of_rows)) && self.store.list(JOBS)?.is_empty())
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
            sequences.extend(self.sequences_of(shard)?);
        }
        Ok(sequences)
    }

    /// Every row of a shard that has a sequence, by its position in the pool; of pairs the chosen side.
    ///
    /// # Errors
    /// If it has not been encoded or cannot be read.
    pub fn sequences_of(&self, shard: Shard) -> Result<Vec<(u64, Sequence)>, Error> {
        let rows = self.rows(shard)?.into_iter();
        Ok(rows.filter_map(|row| Some((row.row, row.sequence?))).collect())
    }

    /// The loss of every row of a shard that a model has scored, by its position in the pool; of pairs that of the chosen
    /// side. A sum that is not finite is what the model said.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if the model has not scored the shard, [`Error::Damaged`] if its losses are not those that
    /// were committed.
    pub fn losses(&self, model: &ModelKey, detail: Detail, shard: Shard) -> Result<Vec<(u64, Nll)>, Error> {
        let commit = self.committed(&stage_name(model, detail), shard)?;
        let bytes = self.store.get(&commit.file)?;
        let losses = self.losses_of(&commit, bytes)?.into_iter();
        Ok(losses.map(|loss| (loss.row, Nll { sum: loss.nll, n_scored: loss.n_scored.into() })).collect())
    }

    /// The name of every row of a shard, its source, and its status once it is encoded.
    ///
    /// # Errors
    /// If it has not been encoded or cannot be read.
    pub fn names_of(&self, shard: Shard) -> Result<Vec<RowName>, Error> {
        let rows = self.rows(shard)?.into_iter();
        let name = |EncodedRow { row, key, source, status, .. }| RowName { row, key, source, status };
        Ok(rows.map(name).collect())
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
    /// open, it is left to that one. In an object store nothing is removed, since others may be reading.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        let Self { store, lock, .. } = self;
        let (Some(dir), Some(_alone)) = (store.location().dir(), lock.alone()?) else { return Ok(()) };
        // Commits first: without them, what is left means nothing.
        for folder in [COMMITS, DATA, ATTEMPTS, QUARANTINE, DIFFERING, JOBS].map(|name| dir.join(name)) {
            if folder.exists() {
                fs_err::remove_dir_all(folder)?;
            }
        }
        for file in [PLAN, LOCK].map(|name| dir.join(name)) {
            if file.exists() {
                fs_err::remove_file(file)?;
            }
        }
        match fs_err::remove_dir(dir) {
            Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn is_done(&self, stage: &str) -> Result<bool, Error> {
        let done = committed(&self.store, stage)?;
        Ok(self.plan.shards.iter().all(|shard| done.contains(&shard.id)))
    }

    pub(crate) fn find(&self, stage: &str, shard: Shard) -> Result<Option<Commit>, Error> {
        commit::find(&self.store, &self.plan_id, stage, shard)
    }

    /// The encoded rows of a shard, checked against their commit.
    pub(crate) fn rows(&self, shard: Shard) -> Result<Vec<EncodedRow>, Error> {
        let commit = self.committed(ROWS, shard)?;
        let bytes = self.store.get(&commit.file)?;
        self.rows_of(&commit, bytes)
    }

    /// Encoded rows from the bytes of their file, checked against their commit.
    pub(crate) fn rows_of(&self, commit: &Commit, bytes: Option<Bytes>) -> Result<Vec<EncodedRow>, Error> {
        let rows = self.data(commit, bytes, rows::read)?;
        self.check(commit, &rows::digest(&rows))?;
        Ok(rows)
    }

    /// Losses from the bytes of their file, checked against their commit.
    pub(crate) fn losses_of(&self, commit: &Commit, bytes: Option<Bytes>) -> Result<Vec<RowLoss>, Error> {
        let losses = self.data(commit, bytes, losses::read)?;
        self.check(commit, &losses::digest(&losses))?;
        Ok(losses)
    }

    /// Reads what a commit names.
    pub(crate) fn data<T>(
        &self,
        commit: &Commit,
        bytes: Option<Bytes>,
        read: impl FnOnce(Bytes, &Path) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let bytes = bytes.ok_or_else(|| self.damaged(commit, "it is not there"))?;
        read(bytes, &self.store.path(&commit.file)).map_err(|error| self.damaged(commit, &whole(&error)))
    }

    pub(crate) fn committed(&self, stage: &str, shard: Shard) -> Result<Commit, Error> {
        self.find(stage, shard)?.ok_or_else(|| Error::Unfinished {
            missing: 1,
            all: self.plan.shards.len(),
            shard: shard.id,
            stage: stage.to_owned(),
        })
    }

    pub(crate) fn check(&self, commit: &Commit, digest: &str) -> Result<(), Error> {
        if commit.digest == digest {
            return Ok(());
        }
        let (found, committed) = (&digest[..16], &commit.digest[..16]);
        Err(self.damaged(commit, &format!("expected values with digest {committed}, found {found}")))
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
fn check_ours(store: &Store) -> Result<(), Error> {
    let Some(dir) = store.location().dir() else { return Ok(()) };
    if dir.join(PLAN).exists() {
        return Ok(());
    }
    let ours = [PLAN, LOCK, COMMITS, DATA, ATTEMPTS, QUARANTINE, DIFFERING, JOBS];
    for entry in fs_err::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // The store's own name for a file that is not whole yet.
        let unfinished = name.strip_prefix(PLAN).is_some_and(|rest| rest.starts_with('#'));
        if !ours.contains(&&*name) && !unfinished {
            return Err(Error::Foreign { path: dir.to_owned(), name });
        }
    }
    Ok(())
}
