//! Leftover files of workers.

use std::collections::BTreeMap;

use crate::attempts::{ATTEMPTS, QUARANTINE};
use crate::commit::{COMMITS, Commit, DATA, shard_of};
use crate::{Error, WorkDir};

impl WorkDir {
    /// Finds leftover files: marks of attempts whose unit has a commit, and data of such units that the
    /// commit does not name. What a worker may still be about to commit is not among it.
    ///
    /// # Errors
    /// [`Error::Store`] if the store fails, [`Error::Damaged`] if a commit belongs to another plan.
    pub fn garbage(&self) -> Result<Vec<String>, Error> {
        let mut garbage = Vec::new();
        for (stage, files) in self.committed_files()? {
            for folder in [DATA, ATTEMPTS, QUARANTINE] {
                let names = self.store.list(&format!("{folder}/{stage}"))?;
                garbage.extend(names.into_iter().filter(|name| {
                    shard_of(name).and_then(|shard| files.get(&shard)).is_some_and(|file| file != name)
                }));
            }
        }
        Ok(garbage)
    }

    /// Removes objects that [`WorkDir::garbage`] found.
    ///
    /// # Errors
    /// [`Error::Store`] if the store fails.
    pub fn remove_garbage(&self, names: &[String]) -> Result<(), Error> {
        names.iter().try_for_each(|name| self.store.remove(name))
    }

    /// By stage and shard, the data that is committed.
    fn committed_files(&self) -> Result<BTreeMap<String, BTreeMap<u32, String>>, Error> {
        let mut files: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
        for name in self.store.list(COMMITS)? {
            let Some(stage) = name.split('/').nth(1) else { continue };
            let known = |shard: u32| self.plan.shards.get(shard as usize);
            let Some(shard) = shard_of(&name).and_then(known) else { continue };
            if let Some(Commit { file, .. }) = self.find(stage, *shard)? {
                files.entry(stage.to_owned()).or_default().insert(shard.id, file);
            }
        }
        Ok(files)
    }
}
