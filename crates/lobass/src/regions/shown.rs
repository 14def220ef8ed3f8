//! The texts of rows to look at.

use std::collections::{BTreeMap, BTreeSet};

use lobass_data::{Example, Pool};
use serde::Serialize;

use super::table::Table;
use crate::error::{Result, bail};
use crate::settings::available_threads;

/// A row to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRow {
    /// Its key.
    pub key: String,
    /// Its source.
    pub source: String,
    /// What comes before the last response.
    pub prompt: String,
    /// The responses that are scored.
    pub response: String,
}

/// The texts of some rows, by their place in the pool. Reads the pool up to the last of them.
pub(super) fn texts(wanted: &BTreeSet<u64>, table: &Table, pool: &Pool) -> Result<BTreeMap<u64, ShownRow>> {
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let rows: Vec<u64> = wanted.iter().copied().collect();
    let keys = table.file.keys(&rows, available_threads())?;
    let keys: BTreeMap<u64, String> = rows.into_iter().zip(keys.iter().map(ToString::to_string)).collect();
    for row in pool.rows() {
        let row = row?;
        let Some(key) = keys.get(&row.row) else { continue };
        let (prompt, response) = row.example.as_ref().map(sides).unwrap_or_default();
        let source = usize::try_from(row.row).ok().and_then(|row| table.columns.source_name(row));
        let source = source.unwrap_or_default().to_owned();
        found.insert(row.row, ShownRow { key: key.clone(), source, prompt, response });
        if found.len() == wanted.len() {
            return Ok(found);
        }
    }
    bail!(
        Table,
        "the data: expected row {} of the score table, found fewer rows",
        wanted.last().unwrap_or(&0)
    )
}

/// What is asked and what is answered.
fn sides(example: &Example) -> (String, String) {
    let of = |scored: bool| {
        let turns = example.messages.iter().filter(|message| message.scored == scored);
        turns.map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
    };
    (of(false), of(true))
}
