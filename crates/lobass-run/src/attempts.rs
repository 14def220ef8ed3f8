//! Attempts at units, so that a unit which kills its workers is given up.
//!
//! A scheduler that restarts workers does so forever. A mark is written before a unit is computed, and removed when it
//! ends in a commit or is withdrawn. So the remaining marks belong to attempts that died, or are in progress.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::commit::to_json;
use crate::shard::Shard;
use crate::store::{Put, Store};

/// Where marks are, under the work directory.
pub(crate) const ATTEMPTS: &str = "attempts";
/// Where units are named that were given up.
pub(crate) const QUARANTINE: &str = "quarantine";

/// Who tries, and how often a unit may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// Who it is, for people.
    pub worker: String,
    /// A unit that was tried as often, and has no commit, is put into quarantine. `None`: tries are not counted.
    pub limit: Option<NonZeroU32>,
}

impl Attempts {
    /// Attempts that are not counted: a person is watching.
    pub fn unlimited() -> Self {
        Self { worker: String::new(), limit: None }
    }
}

/// A try that is under way.
#[derive(Debug, Clone)]
pub struct Attempt {
    store: Store,
    /// The name of the mark; `None` if attempts are not counted.
    name: Option<String>,
    pub(crate) number: Option<u32>,
}

/// The record of a unit that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Quarantined {
    plan: String,
    stage: String,
    shard: u32,
    /// Tries without a commit.
    attempts: u32,
}

/// The content of a mark.
#[derive(Debug, Serialize)]
struct Mark<'a> {
    worker: &'a str,
}

impl Attempt {
    /// Begins an attempt; `None` if the allowed number is used up, and now or earlier the unit was given up.
    pub(crate) fn begin(
        store: &Store,
        plan: &str,
        stage: &str,
        shard: Shard,
        attempts: &Attempts,
    ) -> Result<Option<Self>, Error> {
        let Some(limit) = attempts.limit else {
            return Ok(Some(Self { store: store.clone(), name: None, number: None }));
        };
        let given_up = quarantine_name(stage, shard.id);
        if store.exists(&given_up)? {
            return Ok(None);
        }
        let mark = to_json(&Mark { worker: &attempts.worker });
        for number in 1..=limit.get() {
            let name = format!("{ATTEMPTS}/{stage}/{:05}.{number}", shard.id);
            if store.put_if_absent(&name, mark.clone())? == Put::Created {
                return Ok(Some(Self { store: store.clone(), name: Some(name), number: Some(number) }));
            }
        }
        let quarantined = Quarantined {
            plan: plan.to_owned(),
            stage: stage.to_owned(),
            shard: shard.id,
            attempts: limit.get(),
        };
        store.put_if_absent(&given_up, to_json(&quarantined))?;
        Ok(None)
    }

    /// Removes the mark: the try succeeded, or stopped for a reason outside the unit, such as a worker that has to make
    /// room.
    ///
    /// # Errors
    /// [`Error::Store`] if the mark cannot be removed; it counts as a failed try then.
    pub fn withdraw(&self) -> Result<(), Error> {
        self.name.as_ref().map_or(Ok(()), |name| self.store.remove(name))
    }
}

pub(crate) fn quarantine_name(stage: &str, shard: u32) -> String {
    format!("{QUARANTINE}/{stage}/{shard:05}.json")
}

/// Forgets that a unit was tried and given up.
pub(crate) fn forget(store: &Store, stage: &str, shard: u32) -> Result<(), Error> {
    let prefix = format!("{ATTEMPTS}/{stage}/{shard:05}.");
    for name in store.list(&format!("{ATTEMPTS}/{stage}"))?.iter().filter(|name| name.starts_with(&prefix)) {
        store.remove(name)?;
    }
    store.remove(&quarantine_name(stage, shard))
}
