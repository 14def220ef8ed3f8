//! Rows that have something, counted by source and by what they have.

use std::collections::BTreeMap;

use crate::row::Row;
use crate::{CheckName, Finding, RowAt, Shown, SourceReport};

/// A finding in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// In general, such as "control characters".
    pub(crate) what: String,
    /// In this row.
    pub(crate) detail: String,
}

/// The least number of rows, and the least share of them, that make a finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Least {
    pub(crate) n: u64,
    pub(crate) share: f64,
}

impl Least {
    pub(crate) const ONE: Self = Self { n: 1, share: 0.0 };

    pub(crate) fn reached(self, n: u64, of: u64) -> bool {
        n >= self.n && n as f64 >= self.share * of as f64
    }
}

/// Counts of rows, with the first of each kind.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    check: CheckName,
    n_shown: usize,
    counts: BTreeMap<(usize, String), Count>,
}

#[derive(Debug, Clone, Default)]
struct Count {
    n_rows: u64,
    examples: Vec<Shown>,
}

impl Tally {
    pub(crate) fn new(check: CheckName, n_shown: usize) -> Self {
        Self { check, n_shown, counts: BTreeMap::new() }
    }

    /// Counts a row.
    pub(crate) fn add(&mut self, row: &Row<'_>, sources: &[SourceReport], found: Found) {
        let n_shown = self.n_shown;
        let examples = self.count(row.source, found.what);
        if examples.len() < n_shown {
            let at = RowAt {
                source: sources[row.source].source.clone(),
                row: row.row.row,
                key: Some(row.row.key.to_string()),
                text: row.beginning(),
            };
            examples.push(Shown { at, detail: found.detail, other: None });
        }
    }

    /// Counts a row of a source, and gives the rows of its kind that are shown so far.
    pub(crate) fn count(&mut self, source: usize, what: String) -> &mut Vec<Shown> {
        let count = self.counts.entry((source, what)).or_default();
        count.n_rows += 1;
        &mut count.examples
    }

    /// Findings in enough rows.
    pub(crate) fn findings(self, sources: &[SourceReport], least: Least) -> Vec<Finding> {
        let check = self.check;
        let finding = |((source, what), count): ((usize, String), Count)| {
            let n_of = sources[source].n_rows;
            least.reached(count.n_rows, n_of).then(|| Finding {
                check,
                source: sources[source].source.clone(),
                what,
                n_rows: count.n_rows,
                n_of,
                advice: check.info().advice.to_owned(),
                examples: count.examples,
            })
        };
        self.counts.into_iter().filter_map(finding).collect()
    }
}
