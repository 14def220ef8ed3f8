//! Checks that look at one row at a time.

use super::{AnyCheck, Check};
use crate::row::Row;
use crate::tally::{Found, Least, Tally};
use crate::{CheckName, Finding, SourceReport};

/// A check that is a function of a row. One such row is a finding.
struct EachRow<F> {
    tally: Tally,
    find: F,
}

/// The check that finds what a function finds.
pub(super) fn of<'a>(
    check: CheckName,
    n_shown: usize,
    find: impl Fn(&Row<'_>) -> Vec<Found> + Sync + 'a,
) -> Box<dyn AnyCheck + 'a> {
    Box::new(EachRow { tally: Tally::new(check, n_shown), find })
}

impl<F: Fn(&Row<'_>) -> Vec<Found> + Sync> Check for EachRow<F> {
    type Seen = Vec<Found>;

    fn look(&self, row: &Row<'_>) -> Vec<Found> {
        (self.find)(row)
    }

    fn take(&mut self, row: &Row<'_>, sources: &[SourceReport], seen: Vec<Found>) {
        for found in seen {
            self.tally.add(row, sources, found);
        }
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        self.tally.findings(sources, Least::ONE)
    }
}
