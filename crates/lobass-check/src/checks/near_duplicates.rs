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
/// Memory: 16 bytes a row, and that of [`NearDuplicates`].
pub(super) struct NearDuplicateRows {
    texts: NearDuplicates,
    /// Of each row, its source and its position.
    rows: Vec<(usize, u64)>,
    n_shown: usize,
    threads: usize,
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
        self.rows.push((row.source, row.row.row));
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        let groups = self.texts.groups(self.threads);
        let mut first_of: Vec<Option<usize>> = vec![None; groups.len()];
        let mut by_source: Vec<(u64, Vec<Shown>)> = vec![(0, Vec::new()); sources.len()];
        let at = |(source, row): (usize, u64)| RowAt {
            source: sources[source].source.clone(),
            row,
            key: None,
            text: None,
        };
        for (place, &group) in groups.iter().enumerate() {
            // There are no more groups than rows.
            let Some(first) = first_of[group as usize] else {
                first_of[group as usize] = Some(place);
                continue;
            };
            let (n_rows, examples) = &mut by_source[self.rows[place].0];
            *n_rows += 1;
            if examples.len() < self.n_shown {
                let detail = "says nearly the same as an earlier row".to_owned();
                examples.push(Shown { at: at(self.rows[place]), detail, other: Some(at(self.rows[first])) });
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
