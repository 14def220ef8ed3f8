//! Rows that say nearly the same as an earlier one.

use lobass_text::{NearDuplicates, Sketch};

use super::Check;
use crate::row::{Row, said};
use crate::tally::Least;
use crate::{CheckName, Error, Finding, Options, RowAt, Shown, SourceReport};

/// Fewer are a fact of a source, and no finding.
const LEAST: Least = Least { n: 5, share: 0.01 };

/// Groups rows by what they say.
///
/// Memory: 24 bytes a row, and that of [`NearDuplicates`].
pub(super) struct NearDuplicateRows {
    texts: NearDuplicates,
    rows: Vec<Place>,
    n_shown: usize,
    threads: usize,
}

/// A row.
#[derive(Debug, Clone, Copy)]
struct Place {
    source: usize,
    row: u64,
    /// Whether it has exactly the content of an earlier row, which another check counts.
    is_duplicate: bool,
}

impl NearDuplicateRows {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let texts = NearDuplicates::new(&options.overlap.near)?;
        Ok(Self { texts, rows: Vec::new(), n_shown: options.n_shown, threads: options.threads })
    }
}

impl Check for NearDuplicateRows {
    type Seen = Option<Sketch>;

    fn look(&self, row: &Row<'_>) -> Option<Sketch> {
        row.example().map(|example| self.texts.sketch(said(example)))
    }

    fn take(&mut self, row: &Row<'_>, _: &[SourceReport], seen: Option<Sketch>) {
        match seen {
            Some(sketch) => self.texts.push(&sketch),
            None => self.texts.push_alone(),
        }
        let is_duplicate = row.row.duplicate_of.is_some();
        self.rows.push(Place { source: row.source, row: row.row.row, is_duplicate });
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        let groups = self.texts.groups(self.threads);
        let mut first_of: Vec<Option<usize>> = vec![None; groups.len()];
        let mut by_source: Vec<(u64, Vec<Shown>)> = vec![(0, Vec::new()); sources.len()];
        let at = |place: Place| RowAt {
            source: sources[place.source].source.clone(),
            row: place.row,
            key: None,
            text: None,
        };
        for (place, &group) in groups.iter().enumerate() {
            // There are no more groups than rows.
            let Some(first) = first_of[group as usize] else {
                first_of[group as usize] = Some(place);
                continue;
            };
            let (row, first) = (self.rows[place], self.rows[first]);
            if row.is_duplicate {
                continue;
            }
            let (n_rows, examples) = &mut by_source[row.source];
            *n_rows += 1;
            if examples.len() < self.n_shown {
                let detail = format!("nearly the same as row {}", first.row);
                examples.push(Shown { at: at(row), detail, other: Some(at(first)) });
            }
        }
        let mut findings = Vec::new();
        for (source, (n_rows, examples)) in sources.iter_mut().zip(by_source) {
            source.n_near_duplicates = Some(n_rows);
            if LEAST.reached(n_rows, source.n_rows) {
                findings.push(Finding {
                    check: CheckName::NearDuplicates,
                    source: source.source.clone(),
                    what: "nearly the words of an earlier row".to_owned(),
                    n_rows,
                    n_of: source.n_rows,
                    advice: CheckName::NearDuplicates.info().advice.to_owned(),
                    examples,
                });
            }
        }
        findings
    }
}
