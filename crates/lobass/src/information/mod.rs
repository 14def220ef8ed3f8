//! How much prompts tell about responses: V-information of a score table with a null model.

mod report;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use lobass_evidence::Bootstrap;
use lobass_information::{Information, Losses, information, lost};

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::outputs;
use crate::runtime::Runtime;
use crate::table_input::{TableInput, paths};
use crate::trainings::check_distinct;
use table::Table;

pub use lobass_information as statistics;
pub use report::{InformationReport, LostReport, RowToRead};

/// Measures the usable information of score tables with losses under a reference and a null model.
#[derive(Debug)]
pub struct InformationJob<'a> {
    /// Tables of the same rows; several are trainings with other seeds.
    pub scores: &'a [TableInput],
    /// Tables of these rows after a transform of their prompts; the information that is lost is measured.
    pub transformed: &'a [TableInput],
    /// Whether each source is measured too.
    pub by_source: bool,
    /// Whether rows are measured that models were trained on. Their information is too large.
    pub in_sample: bool,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// The number of rows with negative information that the report names.
    pub n_shown: usize,
    /// A file for all rows with negative information: Parquet, or JSON lines if the name ends in `.jsonl`.
    pub list: Option<&'a Path>,
    /// Threads; at least 1.
    pub threads: usize,
}

impl InformationJob<'_> {
    /// Reads the tables and measures.
    ///
    /// # Errors
    /// If a table has no losses under a reference and a null model, if tables are not about the same rows, if no row is
    /// out of sample, or if the list cannot be written.
    pub fn run(&self, runtime: &Runtime) -> Result<InformationReport> {
        self.bootstrap.check().map_err(|error| crate::Error::Settings(error.to_string()))?;
        Missing::default().tables(self.scores).tables(self.transformed).end()?;
        if let Some(list) = self.list {
            let tables = self.scores.iter().chain(self.transformed);
            let tables: Vec<_> = tables.map(|table| ("a score table", table.path())).collect();
            outputs::check(&[list.to_owned()], &tables)?;
            outputs::check_ending(list, &["parquet", "jsonl"])?;
        }
        let open = |table: &TableInput| Table::open(table, self.in_sample, self.threads);
        let before = self.scores.iter().map(open).collect::<Result<Vec<_>>>()?;
        let after = self.transformed.iter().map(open).collect::<Result<Vec<_>>>()?;
        let Some(first) = before.first() else { bail!(Settings, "expected a score table, found none") };
        for table in before.iter().skip(1) {
            first.check_same_rows(table)?;
            first.check_same_prompts(table)?;
        }
        if let Some(transformed) = after.first() {
            first.check_same_rows(transformed)?;
            first.check_transformed(transformed)?;
            after.iter().skip(1).try_for_each(|table| {
                transformed.check_same_rows(table)?;
                transformed.check_same_prompts(table)
            })?;
        }
        for tables in [&before, &after] {
            let manifests: Vec<_> =
                tables.iter().map(|table| (table.file().path(), table.file().manifest())).collect();
            check_distinct(&manifests)?;
        }
        let rows = first.rows(&before[1..]);
        if rows.is_empty() {
            bail!(Table, "score table `{}`: {}", first.name(), first.why_none());
        }
        let found = self.measured(&before, &rows);
        let lost = (!after.is_empty()).then(|| self.lost(&before, &after, &rows)).transpose()?;
        let below = rows::below_zero(&before, &rows);
        if let Some(list) = self.list {
            outputs::note_replaced(&[list.to_owned()], runtime);
            rows::write(list, first, &before, &below, self.threads)?;
        }
        let shown: Vec<usize> = below.iter().copied().take(self.n_shown).collect();
        Ok(InformationReport {
            scores: paths(self.scores),
            out_of_sample: !self.in_sample,
            unseen: first.unseen(),
            transform: first.transform(),
            n_left_out: first.n_scored() - rows.len(),
            all: found.0,
            sources: found.1,
            lost,
            n_below_zero: below.len(),
            below_zero: rows::to_read(first, &before, &shown, self.threads)?,
            list: self.list.map(Path::to_owned),
        })
    }

    /// All rows, and those of each source if that is asked for.
    fn measured(&self, tables: &[Table], rows: &[usize]) -> (Information, BTreeMap<String, Information>) {
        let of = |rows: &[usize]| information(&losses(tables, rows), &self.bootstrap);
        let sources = self.sources(&tables[0], rows);
        (of(rows), sources.into_iter().map(|(name, rows)| (name, of(&rows))).collect())
    }

    fn sources(&self, table: &Table, rows: &[usize]) -> BTreeMap<String, Vec<usize>> {
        let mut sources = BTreeMap::<String, Vec<usize>>::new();
        for &row in rows.iter().filter(|_| self.by_source) {
            sources.entry(table.source(row)).or_default().push(row);
        }
        sources
    }

    /// The information that a transform costs, over rows whose scored tokens it leaves alone.
    fn lost(&self, before: &[Table], after: &[Table], rows: &[usize]) -> Result<LostReport> {
        let both: Vec<usize> = after[0].rows(&after[1..]);
        let both: std::collections::BTreeSet<usize> = both.into_iter().collect();
        let kept: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|&row| both.contains(&row) && before[0].n_tokens(row) == after[0].n_tokens(row))
            .collect();
        if kept.is_empty() {
            bail!(
                Table,
                "score table `{}`: expected rows with the scored tokens that they had before the transform, found none",
                after[0].name()
            );
        }
        let of = |rows: &[usize]| lost(&losses(before, rows), &losses(after, rows), &self.bootstrap);
        let sources = self.sources(&before[0], &kept);
        Ok(LostReport {
            scores: paths(self.transformed),
            transform: after[0].transform(),
            n_left_out: rows.len() - kept.len(),
            before: self.measured(before, &kept).0,
            after: self.measured(after, &kept).0,
            lost: of(&kept),
            sources: sources.into_iter().map(|(name, rows)| (name, of(&rows))).collect(),
        })
    }
}

/// The losses of rows under every training of some tables.
fn losses(tables: &[Table], rows: &[usize]) -> Vec<Vec<Losses>> {
    tables.iter().flat_map(|table| table.losses(rows)).collect()
}
