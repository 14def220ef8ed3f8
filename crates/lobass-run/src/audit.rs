//! Whether everything is there, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::attempts::QUARANTINE;
use crate::commit::{self, COMMITS, Commit, ROWS, ValueHash, committed, shards_named};
use crate::unit::stage_name;
use crate::{Error, Seal, WorkDir};

/// Every unit that a table is made of.
pub(crate) struct Audit {
    /// The commits of the stage `rows`, by shard.
    pub(crate) rows: BTreeMap<u32, Commit>,
    /// Those of each model, in the order of [`Seal::models`].
    pub(crate) losses: Vec<BTreeMap<u32, Commit>>,
    /// Shards that were given up, and under which model.
    pub(crate) given_up: BTreeMap<u32, String>,
    /// Digest of all values. It does not depend on who computed them, when, or how often.
    pub(crate) digest: String,
}

impl WorkDir {
    /// Reads all commits that a table needs.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if one is missing. [`Error::Quarantined`] if more than `allowed` units were given up.
    /// [`Error::Mixture`] if units of one stage come from several versions. [`Error::Surprise`] if there are commits
    /// that the plan does not ask for. [`Error::Damaged`] if one belongs to another plan.
    pub(crate) fn audit(&self, seal: &Seal, allowed: usize) -> Result<Audit, Error> {
        let stages: Vec<(String, String)> = std::iter::once((ROWS.to_owned(), ROWS.to_owned()))
            .chain(seal.models().map(|model| (model.role.to_string(), stage_name(model, seal.detail))))
            .collect();
        self.check_gaps(&stages, allowed)?;
        let mut given_up = BTreeMap::new();
        let mut hash = ValueHash::default();
        hash.text(&self.plan_id);
        let mut found = Vec::new();
        for (role, stage) in &stages {
            let commits = self.commits(stage)?;
            check_versions(role, commits.values())?;
            hash.text(stage);
            for shard in &self.plan.shards {
                let digest = commits.get(&shard.id).map(|commit| commit.digest.as_str());
                hash.text(digest.unwrap_or("given up"));
                if digest.is_none() {
                    given_up.entry(shard.id).or_insert_with(|| role.clone());
                }
            }
            found.push(commits);
        }
        let losses = found.split_off(1);
        Ok(Audit { rows: found.remove(0), losses, given_up, digest: hash.hex() })
    }

    /// Checks for missing and surplus units, by names alone.
    fn check_gaps(&self, stages: &[(String, String)], allowed: usize) -> Result<(), Error> {
        let (mut missing, mut given_up) = (Vec::new(), Vec::new());
        for (role, stage) in stages {
            let done = committed(&self.store, stage)?;
            if let Some(stranger) = done.iter().find(|&&shard| shard as usize >= self.plan.shards.len()) {
                let path = self.store.path(&commit::name(stage, *stranger));
                return Err(Error::Surprise { path, n_shards: self.plan.shards.len() });
            }
            let quarantined: BTreeSet<u32> = shards_named(&self.store, &format!("{QUARANTINE}/{stage}"))?;
            for shard in self.plan.shards.iter().map(|shard| shard.id).filter(|shard| !done.contains(shard)) {
                let open = if quarantined.contains(&shard) { &mut given_up } else { &mut missing };
                open.push((shard, role, stage));
            }
        }
        if let Some(&(shard, _, stage)) = missing.first() {
            let all = self.plan.shards.len() * stages.len();
            return Err(Error::Unfinished { missing: missing.len(), all, shard, stage: stage.clone() });
        }
        match given_up.first() {
            Some(&(shard, model, _)) if given_up.len() > allowed => {
                Err(Error::Quarantined { n_units: given_up.len(), shard, model: model.clone() })
            }
            _ => Ok(()),
        }
    }

    /// All commits of a stage.
    fn commits(&self, stage: &str) -> Result<BTreeMap<u32, Commit>, Error> {
        let names: Vec<String> = self.store.list(&format!("{COMMITS}/{stage}"))?;
        let mut commits = BTreeMap::new();
        for (name, json) in names.iter().zip(self.store.get_all(&names)?) {
            let Some(commit) = json.map(|json| commit::parse(&self.store, name, &json)).transpose()? else {
                continue;
            };
            if let Some(shard) = self.plan.shards.get(commit.shard as usize) {
                commit.check(&self.store, &self.plan_id, stage, *shard)?;
                commits.insert(shard.id, commit);
            }
        }
        Ok(commits)
    }
}

fn check_versions<'a>(role: &str, commits: impl Iterator<Item = &'a Commit>) -> Result<(), Error> {
    let versions: BTreeSet<&str> = commits.map(|commit| commit.tool.as_str()).collect();
    if versions.len() < 2 {
        return Ok(());
    }
    let name = |tool: &str| if tool.is_empty() { "an earlier one" } else { tool }.to_owned();
    Err(Error::Mixture { model: role.to_owned(), versions: versions.into_iter().map(name).collect() })
}
