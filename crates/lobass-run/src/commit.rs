//! The end of a unit.

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
    /// Of the values in it, not of its bytes.
    pub(crate) digest: String,
}

/// Where commits are, under the work directory.
pub(crate) const COMMITS: &str = "commits";
/// Where their data is.
pub(crate) const DATA: &str = "data";
/// The stage that turns text into sequences.
pub(crate) const ROWS: &str = "rows";

pub(crate) fn name(stage: &str, shard: u32) -> String {
    format!("{COMMITS}/{stage}/{shard:05}.json")
}

/// Writes a unit's data, then its commit. If someone else was first, theirs stands.
pub(crate) fn commit(
    store: &Store,
    plan: &str,
    stage: &str,
    shard: Shard,
    digest: String,
    data: &[u8],
) -> Result<Put, Error> {
    let file = format!("{DATA}/{stage}/{:05}-{}.parquet", shard.id, &digest[..16]);
    // The name holds the digest, so an existing file holds the same values, unless it was damaged since.
    store.put(&file, data)?;
    let commit = Commit {
        plan: plan.to_owned(),
        stage: stage.to_owned(),
        shard: shard.id,
        n_rows: shard.n_rows,
        file,
        digest,
    };
    store.put_if_absent(&name(stage, shard.id), &to_json(&commit))
}

/// Plans, commits, and manifests as they are written.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("it is plain data with text for keys")
}

/// Reads the commit of a unit; `None` if the unit is not done.
pub(crate) fn find(store: &Store, plan: &str, stage: &str, shard: Shard) -> Result<Option<Commit>, Error> {
    let name = name(stage, shard.id);
    if !store.exists(&name) {
        return Ok(None);
    }
    let path = store.path(&name);
    let commit: Commit = serde_json::from_slice(&store.get(&name)?).map_err(|source| Error::Json {
        path: path.clone(),
        expected: "a commit",
        source,
    })?;
    if commit.plan != plan || commit.shard != shard.id || commit.n_rows != shard.n_rows {
        let reason =
            "it was made for another plan, or by another version of lobass; use another work directory";
        return Err(Error::Damaged { path, reason: reason.to_owned() });
    }
    Ok(Some(commit))
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
