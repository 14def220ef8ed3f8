//! Content of rows that no model sees, counted over a pool.

use std::collections::BTreeMap;
use std::fmt;

use lobass_data::{Layout, Unread, UnreadCounts};
use serde::{Deserialize, Serialize};

use crate::rows::EncodedRow;
use crate::{Error, Plan, WorkDir};

/// Something that rows of one source say and no model sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRecord {
    /// The source of the rows.
    pub source: String,
    /// The unread content.
    #[serde(flatten)]
    pub unread: Unread,
    /// The rows that have it.
    pub n_rows: u64,
    /// The rows of the source that a model sees.
    pub of_rows: u64,
    /// The flag that would read it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
}

/// Such as: column `context` in 12 of 40 rows of `sql` (30.0 %); `--columns query=context` reads it.
impl fmt::Display for UnreadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.n_rows as f64 / self.of_rows.max(1) as f64;
        let Self { source, unread, n_rows, of_rows, .. } = self;
        write!(f, "{unread} in {n_rows} of {of_rows} rows of `{source}` ({share:.1} %)")?;
        match &self.flag {
            Some(flag) => write!(f, "; `{flag}` reads it"),
            None => Ok(()),
        }
    }
}

/// Counts what rows say and no model sees, source by source.
#[derive(Debug, Default)]
pub struct UnreadTally(BTreeMap<String, UnreadCounts>);

impl UnreadTally {
    /// Counts a row that a model sees.
    pub fn add<'a>(&mut self, source: &str, unread: impl IntoIterator<Item = &'a Unread>) {
        match self.0.get_mut(source) {
            Some(counts) => counts.add(unread),
            None => self.0.entry(source.to_owned()).or_default().add(unread),
        }
    }

    /// Counts a row, if a model sees it.
    pub(crate) fn add_row(&mut self, row: &EncodedRow) {
        if row.sequence.is_some() {
            self.add(&row.source, &row.unread);
        }
    }

    /// The counts, in the order of the sources.
    pub fn records<'a>(
        mut self,
        sources: impl IntoIterator<Item = (&'a str, &'a Layout)>,
    ) -> Vec<UnreadRecord> {
        let mut records = Vec::new();
        for (source, layout) in sources {
            let Some(counts) = self.0.remove(source) else { continue };
            records.extend(counts.iter().map(|(unread, n_rows)| UnreadRecord {
                source: source.to_owned(),
                unread: unread.clone(),
                n_rows,
                of_rows: counts.n_rows(),
                flag: layout.flag_for(unread),
            }));
        }
        records
    }

    pub(crate) fn records_of(self, plan: &Plan) -> Vec<UnreadRecord> {
        self.records(plan.inputs.iter().map(|input| (input.source.as_str(), &input.layout)))
    }
}

impl WorkDir {
    /// Content of rows that no model sees, with the number of rows of each source.
    ///
    /// # Errors
    /// If a shard has not been encoded or cannot be read.
    pub fn unread(&self) -> Result<Vec<UnreadRecord>, Error> {
        let mut tally = UnreadTally::default();
        for &shard in &self.plan.shards {
            self.rows(shard)?.iter().for_each(|row| tally.add_row(row));
        }
        Ok(tally.records_of(&self.plan))
    }
}
