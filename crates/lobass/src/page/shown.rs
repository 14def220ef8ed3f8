//! The example rows of a page.

use std::collections::BTreeMap;

use lobass_core::ScoreColumns;
use lobass_data::{Example, Pool};
use lobass_run::ScoreFile;

use crate::error::{Result, bail};

/// The loss of each scored token under the base and under the reference, in nats.
pub(super) type Pair = (Vec<f32>, Vec<f32>);

/// Rows that are to be shown, ascending.
pub(super) struct Shown<'a> {
    pub(super) rows: &'a [u64],
    pub(super) columns: &'a ScoreColumns,
    pub(super) table: &'a ScoreFile,
    pub(super) pool: &'a Pool,
}

impl Shown<'_> {
    /// The examples, or the reason why they are missing. Reads the pool up to the last of them.
    pub(super) fn examples(&self) -> Result<BTreeMap<u64, Result<Example, String>>> {
        let mut found = BTreeMap::new();
        if self.rows.is_empty() {
            return Ok(found);
        }
        for row in self.pool.rows() {
            let row = row?;
            if self.rows.binary_search(&row.row).is_ok() {
                found.insert(row.row, row.example.map_err(|fault| fault.reason));
                if found.len() == self.rows.len() {
                    return Ok(found);
                }
            }
        }
        bail!(Table, "the data: expected the {} rows of the score table, found fewer", self.columns.len());
    }
}
