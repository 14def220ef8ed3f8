//! The goal of a work directory: the models that all its rows are scored under.

use std::collections::{BTreeMap, BTreeSet};

use lobass_core::{Detail, ModelRole};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::attempts::{self, ATTEMPTS, QUARANTINE};
use crate::commit::{DIFFERING, committed, shard_of, shards_named, to_json};
use crate::unit::stage_name;
use crate::{Error, ModelKey, Seal, Shard, Unit, WorkDir};

/// Where jobs are, under the work directory.
pub(crate) const JOBS: &str = "jobs";

/// The models of a score table over the pool of a work directory. A directory can have several jobs; what they share
/// is done once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The plan of the work directory.
    pub plan: String,
    /// The contents of the table.
    pub seal: Seal,
}

/// How far the units of one model are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelState {
    /// The model's role.
    pub model: ModelRole,
    /// All units.
    pub n_units: u64,
    /// Units with a commit, and their rows.
    pub n_done: u64,
    /// Rows of them.
    pub rows_done: u64,
    /// Units without a commit that some worker has begun, and how often: it is at work, or has died.
    pub begun: BTreeMap<u32, u32>,
    /// Units that were given up.
    pub quarantined: Vec<u32>,
    /// Units of which a second worker had other numbers than were committed.
    pub differing: Vec<u32>,
}

impl Job {
    /// The job's name: a hash of everything in it but paths.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(to_json(&Self { seal: self.seal.without_paths(), ..self.clone() }));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// All models, in the order of their units.
    pub fn models(&self) -> impl Iterator<Item = &ModelKey> {
        self.seal.models()
    }

    /// The detail of the losses that is kept.
    pub fn detail(&self) -> Detail {
        self.seal.detail
    }
}

impl WorkDir {
    /// Writes down what is to be done; the same job is written once.
    ///
    /// # Errors
    /// [`Error::Unsealable`] if its models make no table, [`Error::Store`] if it cannot be written.
    pub fn put_job(&self, seal: Seal) -> Result<Job, Error> {
        seal.check()?;
        let job = Job { plan: self.plan_id.clone(), seal };
        self.store.put_if_absent(&format!("{JOBS}/{}.json", job.id()), to_json(&job))?;
        Ok(job)
    }

    /// All jobs, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Damaged`] if one is no job of this plan.
    pub fn jobs(&self) -> Result<Vec<Job>, Error> {
        let mut jobs = Vec::new();
        for name in self.store.list(JOBS)? {
            let Some(json) = self.store.get(&name)? else { continue };
            let path = self.store.path(&name);
            let job: Job = serde_json::from_slice(&json).map_err(|source| Error::Json {
                path: path.clone(),
                expected: "a job",
                source,
            })?;
            if job.plan != self.plan_id || !name.ends_with(&format!("{}.json", job.id())) {
                let reason = "it was made for another plan, or changed since".to_owned();
                return Err(Error::Damaged { path, reason });
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// Every unit of a job: all shards of the first model, then of the next.
    pub fn units<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = Unit<'a>> {
        let detail = job.detail();
        job.models()
            .flat_map(move |model| self.plan.shards.iter().map(move |&shard| Unit { model, detail, shard }))
    }

    /// The units of a job that have no commit and were not given up.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot be listed.
    pub fn pending<'a>(&'a self, job: &'a Job) -> Result<Vec<Unit<'a>>, Error> {
        let mut pending = Vec::new();
        for model in job.models() {
            let stage = stage_name(model, job.detail());
            let mut ended = committed(&self.store, &stage)?;
            ended.extend(shards_named(&self.store, &format!("{QUARANTINE}/{stage}"))?);
            let open = self.plan.shards.iter().filter(|shard| !ended.contains(&shard.id));
            pending.extend(open.map(|&shard| Unit { model, detail: job.detail(), shard }));
        }
        Ok(pending)
    }

    /// How far every model of a job is.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot be listed.
    pub fn states(&self, job: &Job) -> Result<Vec<ModelState>, Error> {
        job.models().map(|model| self.state(model, job.detail())).collect()
    }

    fn state(&self, model: &ModelKey, detail: Detail) -> Result<ModelState, Error> {
        let stage = stage_name(model, detail);
        let done = committed(&self.store, &stage)?;
        let open = |shards: BTreeSet<u32>| shards.into_iter().filter(|shard| !done.contains(shard));
        let mut begun = BTreeMap::new();
        for mark in self.store.list(&format!("{ATTEMPTS}/{stage}"))? {
            if let Some(shard) = shard_of(&mark).filter(|shard| !done.contains(shard)) {
                *begun.entry(shard).or_default() += 1;
            }
        }
        let rows = |shard: &&Shard| done.contains(&shard.id);
        Ok(ModelState {
            model: model.role.clone(),
            n_units: self.plan.shards.len() as u64,
            n_done: self.plan.shards.iter().filter(rows).count() as u64,
            rows_done: self.plan.shards.iter().filter(rows).map(|shard| shard.n_rows).sum(),
            begun,
            quarantined: open(shards_named(&self.store, &format!("{QUARANTINE}/{stage}"))?).collect(),
            differing: shards_named(&self.store, &format!("{DIFFERING}/{stage}"))?.into_iter().collect(),
        })
    }

    /// Lets units be tried again that were given up; tells how many.
    ///
    /// # Errors
    /// [`Error::Store`] if the store fails.
    pub fn retry_quarantined(&self, job: &Job) -> Result<usize, Error> {
        let mut n_units = 0;
        for model in job.models() {
            let stage = stage_name(model, job.detail());
            for shard in self.state(model, job.detail())?.quarantined {
                attempts::forget(&self.store, &stage, shard)?;
                n_units += 1;
            }
        }
        Ok(n_units)
    }
}
