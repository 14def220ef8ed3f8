//! The rows of a pool and of target tasks, as token ids in a work directory.

use std::path::Path;

use lobass_data::{Duplicates, Pool};
use lobass_run::WorkDir;

use super::targets;
use crate::error::{Context as _, Result};
use crate::model::{Model, with_template_of};
use crate::place::{store, told_in_dir};
use crate::reference::TrainingRecord;
use crate::runtime::Runtime;
use crate::scoring;
use crate::sequences::{Sequences, open_further};
use crate::settings::{DataSettings, EncodeSettings};

/// The directories of token ids in the work directory.
pub(super) const POOL: &str = "pool";
const TARGETS: &str = "targets";

/// A pool and target tasks, and where their token ids are kept.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    pub(super) data: &'a DataSettings,
    pub(super) sequences: &'a EncodeSettings,
    pub(super) targets: &'a [String],
    /// A tuned model whose record and chat template count, if the base has no template.
    pub(super) tuned: Option<&'a Path>,
    pub(super) threads: usize,
    /// Whether the directory stays when the scores are written.
    pub(super) keeps: bool,
    /// The directory of what is computed, in the work directory.
    pub(super) results: &'a str,
    /// The work directory.
    pub(super) dir: &'a Path,
}

impl Inputs<'_> {
    /// The pool with its encoder, and the target rows.
    ///
    /// # Errors
    /// If a file cannot be read, or base and tuned model have different chat templates.
    pub(super) fn rows(&self, base: &Model, runtime: &Runtime) -> Result<(Sequences, Pool)> {
        let (first, dir) = (self.tuned, self.dir);
        let told = match (told_in_dir(&dir.join(POOL), runtime)?, first) {
            (None, Some(first)) => TrainingRecord::read(first)?.and_then(|record| record.told()),
            (told, _) => told,
        };
        let checkpoint = &base.checkpoint;
        let encode = with_template_of(self.sequences, checkpoint.dir(), first, runtime)?;
        let sequences =
            Sequences::open(self.data, &encode, checkpoint.dir(), checkpoint.spec(), told, runtime)?;
        let files = self.targets.to_vec();
        let targets = DataSettings { files, duplicates: Duplicates::Keep, ..self.data.clone() };
        Ok((sequences, open_further(&targets, runtime)?))
    }

    /// The token ids of the pool and of the target rows.
    ///
    /// # Errors
    /// If a task has no row that can be scored, a file cannot be written, or the observer asks to stop.
    pub(super) fn tokenized(
        &self,
        sequences: &Sequences,
        target_pool: &Pool,
        runtime: &Runtime,
    ) -> Result<(WorkDir, WorkDir)> {
        let dir = self.dir;
        let (plan, target_plan) = (sequences.plan()?, sequences.plan_of(target_pool)?);
        if !self.keeps && !dir.join(self.results).exists() {
            scoring::remove_idle(&dir.join(TARGETS), &target_plan, runtime)?;
            scoring::remove_idle(&dir.join(POOL), &plan, runtime)?;
        }
        fs_err::create_dir_all(dir)?;
        let threads = self.threads;
        let open = |name, plan| -> Result<WorkDir> {
            Ok(WorkDir::open(store(&dir.join(name).as_path().into(), runtime)?, plan)?)
        };
        let is_new = !dir.join(POOL).join("plan.json").exists();
        // The pool's plan is how the directory is known as ours, and its rows take longer.
        let (pool, target) = (open(POOL, plan)?, open(TARGETS, target_plan)?);
        target.encode(target_pool, &sequences.encoder, threads, &mut |_| ())?;
        if let Err(error) = targets::check(&target, target_pool) {
            if is_new {
                self.remove(pool, target)?;
            }
            return Err(error);
        }
        scoring::tokenize(&pool, sequences, threads, runtime)?;
        Ok((pool, target))
    }

    /// Removes everything, and the directory.
    ///
    /// # Errors
    /// If something cannot be removed, or the directory holds something else.
    pub(super) fn remove(&self, pool: WorkDir, target: WorkDir) -> Result<()> {
        let (dir, results) = (self.dir, self.dir.join(self.results));
        if results.exists() {
            fs_err::remove_dir_all(results)?;
        }
        target.remove()?;
        // Last, since its plan is how the directory is known as ours.
        pool.remove()?;
        fs_err::remove_dir(dir)
            .with_context(|| format!("`{}` holds something that is not lobass's", dir.display()))
    }
}
