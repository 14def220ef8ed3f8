//! Rows of targets that are not used, and why.

use std::collections::BTreeMap;

use lobass_core::readable::count;
use lobass_core::{Observer as _, RowStatus};
use lobass_data::{Encoder, Pool};
use lobass_run::WorkDir;

use crate::error::Result;
use crate::runtime::Runtime;
use crate::unused::reasons;

/// Rows of one status.
struct Unused {
    n_rows: u64,
    /// The first of them, by its position in all target files.
    first: u64,
}

/// Warns of each target with rows that cannot be scored: how many, and the first of each status.
///
/// # Errors
/// If a row cannot be read.
pub(super) fn warn(target: &WorkDir, pool: &Pool, encoder: &Encoder, runtime: &Runtime) -> Result<()> {
    let mut sources: BTreeMap<String, (u64, BTreeMap<RowStatus, Unused>)> = BTreeMap::new();
    for &shard in &target.plan().shards {
        for name in target.names_of(shard)? {
            let (n_rows, statuses) = sources.entry(name.source).or_default();
            *n_rows += 1;
            if !name.status.is_scored() {
                statuses.entry(name.status).or_insert(Unused { n_rows: 0, first: name.row }).n_rows += 1;
            }
        }
    }
    let statuses = sources.values().flat_map(|(_, statuses)| statuses.values());
    let firsts: Vec<u64> = statuses.map(|unused| unused.first).collect();
    let reasons = reasons(&firsts, pool, encoder)?;
    for (source, (n_rows, statuses)) in sources.iter().filter(|(_, (_, statuses))| !statuses.is_empty()) {
        let n_unused: u64 = statuses.values().map(|unused| unused.n_rows).sum();
        let each = |(status, Unused { n_rows, first }): (&RowStatus, &Unused)| {
            let (row, reason) = &reasons[first];
            format!("{} {status}, the first of them row {row}: {reason}", count(*n_rows))
        };
        let each: Vec<String> = statuses.iter().map(each).collect();
        runtime.warn(&format!(
            "target `{source}`: {} of {} rows cannot be scored and are left out: {}",
            count(n_unused),
            count(*n_rows),
            each.join("; ")
        ));
    }
    Ok(())
}
