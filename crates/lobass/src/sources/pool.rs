//! Whether a score table is of the pool of a training.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::readable::counted;
use lobass_mixture::Source;
use lobass_run::Manifest;

use super::history::METRICS;
use crate::error::{Result, bail};
use crate::reference::TrainingRecord;

/// What a score table has of a source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfTable {
    /// All rows.
    pub(super) n_rows: u64,
    /// The rows with a base and a reference loss.
    pub(super) n_scored: u64,
    /// The sum of these rows' base losses minus reference losses.
    pub(super) shed: f64,
    /// The sum of these rows' base losses.
    pub(super) base: f64,
}

/// A table and the training that it is compared with.
pub(super) struct Compared<'a> {
    pub(super) metrics: &'a Path,
    pub(super) trained: &'a [Source],
    pub(super) table: &'a Path,
    pub(super) manifest: &'a Manifest,
    pub(super) found: &'a BTreeMap<String, OfTable>,
}

impl Compared<'_> {
    /// Refuses a table of another pool, as far as files, names of sources, and numbers of rows tell.
    pub(super) fn check(&self) -> Result<()> {
        let is_of_files = self.check_files()?;
        self.check_sources()?;
        // Of the same files, a source may have no row in the training: all of them are in a fold, or were held out.
        if !is_of_files {
            self.check_no_others()?;
        }
        Ok(())
    }

    /// Whether the record beside the metrics names the files of the table. Metrics without a record can be of any files.
    fn check_files(&self) -> Result<bool> {
        let Some(record) = self.record()? else { return Ok(false) };
        let Some(files) = record.data_files() else { return Ok(false) };
        match self.manifest.inputs.iter().find(|input| record.has_file(input) == Some(false)) {
            Some(input) => bail!(
                Table,
                "score table `{}`: expected the data files of the training in `{}`, {files}, found `{}` {}; {SCORE}",
                self.table.display(),
                self.metrics.display(),
                input.source,
                input.sha256.get(..8).unwrap_or(&input.sha256)
            ),
            None => Ok(true),
        }
    }

    fn record(&self) -> Result<Option<TrainingRecord>> {
        match self.metrics.is_dir() {
            true => TrainingRecord::read(self.metrics),
            false if self.metrics.ends_with(METRICS) => match self.metrics.parent() {
                Some(dir) => TrainingRecord::read(dir),
                None => Ok(None),
            },
            false => Ok(None),
        }
    }

    /// Refuses a table without a source of the training, or with fewer rows of it than the training read.
    fn check_sources(&self) -> Result<()> {
        for Source { name, n_rows, .. } in self.trained {
            let OfTable { n_rows: found, n_scored, .. } = self.found.get(name).copied().unwrap_or_default();
            if n_scored == 0 {
                let all = self.found.iter().filter(|(_, of)| of.n_scored > 0);
                let all: Vec<String> = all.map(|(name, _)| format!("`{name}`")).collect();
                bail!(
                    Table,
                    "score table `{}`: expected rows of the source `{name}`, which the training in `{}` has, found those of \
                     {}; {SCORE}",
                    self.table.display(),
                    self.metrics.display(),
                    all.join(", ")
                );
            }
            if found < *n_rows {
                bail!(
                    Table,
                    "score table `{}`, source `{name}`: expected at least {} as in the training in `{}`, found {found}; \
                     {SCORE}",
                    self.table.display(),
                    counted(*n_rows, "row"),
                    self.metrics.display()
                );
            }
        }
        Ok(())
    }

    /// Refuses a table with a source that the training has not.
    fn check_no_others(&self) -> Result<()> {
        let is_other = |name: &str| self.trained.iter().all(|source| source.name != name);
        match self.found.iter().find(|(name, of)| of.n_scored > 0 && is_other(name)) {
            Some((name, _)) => bail!(
                Table,
                "score table `{}`: expected the sources of the training in `{}`, found `{name}` beside them; {SCORE}",
                self.table.display(),
                self.metrics.display()
            ),
            None => Ok(()),
        }
    }
}

/// What to do about a table of another pool.
const SCORE: &str = "give the table of the files that were trained on, or leave out `--scores`";
