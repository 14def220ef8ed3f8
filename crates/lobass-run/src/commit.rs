//! The end of a unit.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::shard::Shard;
use crate::store::{Put, Store};

/// That a unit is done, where its data is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commit {
    pub(crate) plan: String,
    pub(crate) stage: String,
    pub(crate) shard: u32,
    pub(crate) n_rows: u64,
    /// The data file, under the work directory.
    pub(crate) file: String,
    /// Digest of the values in it, not of its bytes.
    pub(crate) digest: String,
    /// The version that computed it; numbers of one stage come from one version.
    #[serde(default)]
    pub(crate) tool: String,
    /// Which try it was, if tries are counted; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
}

impl Commit {
    /// Refuses a commit that is not that of this unit.
    pub(crate) fn check(&self, store: &Store, plan: &str, stage: &str, shard: Shard) -> Result<(), Error> {
        let found = (self.plan.as_str(), self.stage.as_str(), self.shard, self.n_rows);
        if found == (plan, stage, shard.id, shard.n_rows) {
            return Ok(());
        }
        let reason =
            "it was made for another plan, or by another version of lobass; use another work directory";
        Err(Error::Damaged { path: store.path(&name(stage, shard.id)), reason: reason.to_owned() })
    }
}

/// Where commits are, under the work directory.
pub(crate) const COMMITS: &str = "commits";
/// Where their data is.
pub(crate) const DATA: &str = "data";
/// Where the numbers are noted that a second worker had instead.
pub(crate) const DIFFERING: &str = "differing";
/// The stage that turns text into sequences.
pub(crate) const ROWS: &str = "rows";
/// The program that writes commits.
pub(crate) const TOOL: &str = concat!("lobass ", env!("CARGO_PKG_VERSION"));

pub(crate) fn name(stage: &str, shard: u32) -> String {
    format!("{COMMITS}/{stage}/{shard:05}.json")
}

/// How an attempt to commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The unit is ours.
    Committed,
    /// Somebody else was first, with the same numbers.
    Duplicate,
    /// Somebody else was first, with other numbers. Theirs stand, and that they differ is noted.
    Differs,
}

/// A commit before it is written, and the bytes of its data.
pub(crate) struct Pending {
    commit: Commit,
    data: Vec<u8>,
}

impl Pending {
    pub(crate) fn new(plan: &str, stage: &str, shard: Shard, digest: String, data: Vec<u8>) -> Self {
        let file = format!("{DATA}/{stage}/{:05}-{}.parquet", shard.id, &digest[..16]);
        let commit = Commit {
            plan: plan.to_owned(),
            stage: stage.to_owned(),
            shard: shard.id,
            n_rows: shard.n_rows,
            file,
            digest,
            tool: TOOL.to_owned(),
            attempt: None,
        };
        Self { commit, data }
    }

    pub(crate) fn on_attempt(mut self, attempt: u32) -> Self {
        self.commit.attempt = Some(attempt);
        self
    }

    /// Writes the data. Its name holds the digest, so an object that is there already holds the same values.
    pub(crate) fn store_data(&mut self, store: &Store) -> Result<(), Error> {
        store.put(&self.commit.file, std::mem::take(&mut self.data))
    }

    /// Writes the commit, after the data. If someone else was first, theirs stands.
    pub(crate) fn commit(self, store: &Store) -> Result<(Ending, Commit), Error> {
        let Self { commit, .. } = self;
        let name = name(&commit.stage, commit.shard);
        if store.put_if_absent(&name, to_json(&commit))? == Put::Created {
            return Ok((Ending::Committed, commit));
        }
        let found = read(store, &name)?.unwrap_or_else(|| commit.clone());
        if found.digest == commit.digest {
            return Ok((Ending::Duplicate, found));
        }
        let note = format!("{DIFFERING}/{}/{:05}-{}.json", commit.stage, commit.shard, &commit.digest[..16]);
        store.put(&note, to_json(&commit))?;
        Ok((Ending::Differs, found))
    }
}

/// The stored form of plans, jobs, commits, and manifests.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("it is plain data with text for keys")
}

fn read(store: &Store, name: &str) -> Result<Option<Commit>, Error> {
    store.get(name)?.map(|json| parse(store, name, &json)).transpose()
}

pub(crate) fn parse(store: &Store, name: &str, json: &[u8]) -> Result<Commit, Error> {
    serde_json::from_slice(json).map_err(|error| Error::Damaged {
        path: store.path(name),
        reason: format!(
            "expected a commit, found {} bytes ({error}); delete it to have its shard done again",
            json.len()
        ),
    })
}

/// Reads the commit of a unit; `None` if the unit is not done.
pub(crate) fn find(store: &Store, plan: &str, stage: &str, shard: Shard) -> Result<Option<Commit>, Error> {
    let name = name(stage, shard.id);
    let Some(commit) = read(store, &name)? else { return Ok(None) };
    commit.check(store, plan, stage, shard)?;
    Ok(Some(commit))
}

/// The shards with a commit in a stage, by their names alone.
pub(crate) fn committed(store: &Store, stage: &str) -> Result<BTreeSet<u32>, Error> {
    shards_named(store, &format!("{COMMITS}/{stage}"))
}

/// The shards whose numbers begin the names under a prefix.
pub(crate) fn shards_named(store: &Store, prefix: &str) -> Result<BTreeSet<u32>, Error> {
    Ok(store.list(prefix)?.iter().filter_map(|name| shard_of(name)).collect())
}

/// The shard whose number a file's name begins with.
pub(crate) fn shard_of(name: &str) -> Option<u32> {
    name.rsplit('/').next()?.split(['.', '-']).next()?.parse().ok()
}

/// A hash over values, fed field by field.
#[derive(Default)]
pub(crate) struct ValueHash(Sha256);

impl ValueHash {
    pub(crate) fn number(&mut self, value: u64) {
        self.0.update(value.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: impl IntoIterator<Item = [u8; 4]>) {
        bytes.into_iter().for_each(|four| self.0.update(four));
    }

    pub(crate) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
