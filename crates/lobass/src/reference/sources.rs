//! The sources of the rows that a reference is trained and measured on.

use lobass_run::Plan;
use lobass_train::MixedReport;

use super::record::MixedSource;

/// The names of sources, as the `source` column of a score table has them.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceNames {
    names: Vec<String>,
    /// The row after the last one of each file of the pool, and the source of the file.
    ends: Vec<(u64, u32)>,
}

impl SourceNames {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut sources = Self::default();
        let mut end = 0;
        for input in &plan.inputs {
            end += input.n_rows;
            let place = sources.place(&input.source);
            sources.ends.push((end, place));
        }
        sources
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The source of a row of the pool, by its place among the names.
    pub(super) fn of_row(&self, row: u64) -> u32 {
        let file = self.ends.partition_point(|(end, _)| *end <= row);
        self.ends.get(file).map_or(0, |(_, place)| *place)
    }

    /// The place of a name, which joins the others if it is not there.
    pub(super) fn place(&mut self, name: &str) -> u32 {
        let known = self.names.iter().rposition(|other| other == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u32::try_from(place).expect("fewer sources than rows")
    }

    /// What a mixture drew from each source that has rows.
    ///
    /// - `source_of`: the source of each row that was trained on
    pub(super) fn mixed(&self, report: &MixedReport, source_of: &[u32]) -> Vec<MixedSource> {
        let mut n_rows = vec![0u64; self.names.len()];
        for source in source_of {
            n_rows[*source as usize] += 1;
        }
        let source = |(at, name): (usize, &String)| MixedSource {
            source: name.clone(),
            n_rows: n_rows[at],
            n_drawn: report.n_drawn[at],
            share: report.shares[at],
        };
        self.names.iter().enumerate().map(source).filter(|source| source.n_rows > 0).collect()
    }
}
