//! Which sources of a pool were still being learned: ADO's law for each, beside the share of the loss that it shed.

mod history;
mod pool;
mod report;
mod shed;

use std::collections::BTreeMap;
use std::path::Path;

pub use lobass_mixture::ExamineOptions;
use lobass_mixture::{LEAST_POINTS, Pilot, Prior, Source, Timing, examine};

use crate::error::{Error, Result, bail};
use crate::table_input::TableInput;
use history::History;
use shed::loss_shed;

pub use report::{SourceFound, SourcesReport};

/// Fits a law to the losses of each source of a training.
#[derive(Debug, Clone, Copy)]
pub struct SourcesJob<'a> {
    /// The `metrics.jsonl` of a training, or the directory that it is in.
    pub metrics: &'a Path,
    /// A score table of the same pool.
    pub scores: Option<&'a TableInput>,
    /// The shares that the policy starts from.
    pub prior: &'a Prior,
    /// How laws are fitted.
    pub options: ExamineOptions,
    /// Threads that read the table.
    pub threads: usize,
}

impl SourcesJob<'_> {
    /// Reads the metrics, and fits.
    ///
    /// # Errors
    /// If a file cannot be read, has no losses of sources, the table is of another pool, or the prior names other sources.
    pub fn run(&self) -> Result<SourcesReport> {
        if let Some(floor) = self.options.floor.filter(|floor| !(*floor > 0.0 && floor.is_finite())) {
            bail!(Settings, "expected a floor (`--floor`) that is a finite number above 0, found {floor}");
        }
        let history = History::read(self.metrics)?;
        let sources = sizes(&history);
        let shed = match self.scores {
            Some(table) => loss_shed(table, self.metrics, &sources, self.threads)?,
            None => BTreeMap::new(),
        };
        let prior = self.prior.weights(&sources).map_err(|error| Error::Settings(error.to_string()))?;
        let timing = Timing::for_steps(history.len());
        let mut pilot = Pilot::new(&prior, timing, self.options.floor);
        history.steps().for_each(|seen| pilot.learn(&seen));
        let n_rows: u64 = sources.iter().map(|source| source.n_rows).sum();
        let found = sources.into_iter().enumerate().map(|(at, Source { name, n_rows: rows, n_scored })| {
            let examined = examine(&pilot.points()[at], &self.options);
            SourceFound {
                n_rows: rows,
                n_scored,
                share: rows as f64 / n_rows as f64,
                beta: examined.law.map(|law| law.beta()),
                examined,
                ado_share: pilot.shares()[at],
                loss_shed: shed.get(&name).copied(),
                source: name,
            }
        });
        let (n_taken, n_steps) = history.n_steps;
        Ok(SourcesReport {
            n_taken,
            n_steps,
            n_first_pass: history.len(),
            n_ignored: timing.ignore,
            of_pairs: history.of_pairs,
            least_points: LEAST_POINTS,
            floor: self.options.floor,
            sources: found.collect(),
        })
    }
}

/// The rows and terms of each source in its first pass.
fn sizes(history: &History) -> Vec<Source> {
    let source = |name: &String| Source { name: name.clone(), n_rows: 0, n_scored: 0 };
    let mut sources: Vec<Source> = history.names.iter().map(source).collect();
    for seen in history.steps() {
        for (source, seen) in sources.iter_mut().zip(seen).filter(|(_, seen)| !seen.is_repeated) {
            source.n_rows += seen.n_rows;
            source.n_scored += seen.n_scored;
        }
    }
    sources
}
