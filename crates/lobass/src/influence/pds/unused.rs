//! Rows of targets that are not used, and why.

use std::collections::BTreeMap;

use lobass_core::readable::count;
use lobass_core::{Observer as _, RowStatus};
use lobass_data::{Encoder, Pool};
use lobass_run::WorkDir;

use crate::error::Result;
use crate::runtime::Runtime;
use crate::unused::{Unused, UnusedRows, reasons};

/// Warns of each target with rows that cannot be scored: how many, and the first of each status.
///
/// # Errors
/// If a row cannot be read.
pub(super) fn warn(target: &WorkDir, pool: &Pool, encoder: &Encoder, runtime: &Runtime) -> Result<()> {
    let mut sources: BTreeMap<String, (u64, Unused)> = BTreeMap::new();
    for &shard in &target.plan().shards {
        for name in target.names_of(shard)? {
            let (n_rows, statuses) = sources.entry(name.source).or_default();
            *n_rows += 1;
            if !name.status.is_scored() {
                let new = || UnusedRows { n_rows: 0, first: name.row, reason: String::new() };
                statuses.entry(name.status).or_insert_with(new).n_rows += 1;
            }
        }
    }
    let statuses = sources.values().flat_map(|(_, statuses)| statuses.values());
    let firsts: Vec<u64> = statuses.map(|unused| unused.first).collect();
    let reasons = reasons(&firsts, pool, encoder)?;
    for (source, (n_rows, statuses)) in sources.iter().filter(|(_, (_, statuses))| !statuses.is_empty()) {
        let n_unused: u64 = statuses.values().map(|unused| unused.n_rows).sum();
        // By its position in its file, since targets have files apart.
        let each = |(status, UnusedRows { n_rows, first, .. }): (&RowStatus, &UnusedRows)| {
            let (first, reason) = reasons[first].clone();
            UnusedRows { n_rows: *n_rows, first, reason }.in_words(*status)
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
