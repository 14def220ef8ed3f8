//! The hashes of keys, as selecting reads them.

use std::error::Error;

use lobass_run::ScoreFile;
use lobass_select::KeyHashes;

/// The keys of a score table.
#[derive(Debug)]
pub(super) struct TableKeys<'a> {
    pub(super) table: &'a ScoreFile,
    pub(super) threads: usize,
}

impl KeyHashes for TableKeys<'_> {
    fn of(&self, rows: &[u32], seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Ok(self.table.ties_of(rows, seed, self.threads)?)
    }

    fn of_all(&self, seed: u64) -> Result<Vec<u64>, Box<dyn Error + Send + Sync>> {
        Ok(self.table.ties(seed, self.threads)?)
    }
}
