//! Writing a report page: selections are measured, example rows are read.

use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_core::{ColumnSet, ScoreColumns};
use lobass_data::Pool;
use lobass_report::{Example, Measuring, Report, to_html, to_text};
use lobass_run::{Manifest, ScoreFile};
use lobass_select::strategies::{Gap, Lobass, Longest, PerplexityHigh, Random};
use lobass_select::{Chosen, Strategy};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::body::bodies;
use super::commands::Spelled;
use super::heat::Heat;
use super::shown::Shown;
use crate::error::{Context as _, Error, Result};
use crate::outputs;
use crate::regions::RegionsReport;
use crate::runtime::Runtime;
use crate::selection::{Selector, columns_of};
use crate::settings::{SelectSettings, available_threads};

/// The paper's score, what it is made of, and the baselines that are hard to beat.
pub static DEFAULT_STRATEGIES: [&dyn Strategy; 5] = [&Lobass, &Gap, &PerplexityHigh, &Longest, &Random];

/// The width of the page as text, in characters.
const TEXT_WIDTH: usize = 100;

/// A request for a page.
#[derive(Debug)]
pub(crate) struct PageRequest<'a> {
    /// The score table.
    pub(crate) table: &'a ScoreFile,
    /// The file of the table.
    pub(crate) scores: &'a Path,
    /// The columns of the table that [`PageRequest::columns`] names.
    pub(crate) columns: &'a ScoreColumns,
    /// The rows of the table.
    pub(crate) pool: &'a Pool,
    /// The budget and what else applies to every selection.
    pub(crate) settings: &'a SelectSettings,
    /// The selections that are shown.
    pub(crate) chosen: &'a [(&'a dyn Strategy, Chosen)],
    /// Further strategies, which are shown if the table has the columns that they need.
    pub(crate) beside: &'a [&'a dyn Strategy],
    /// The number of example rows of each kind for each strategy.
    pub(crate) n_examples: usize,
    /// The losses of single tokens.
    pub(crate) heat: Heat<'a>,
    /// What fine-tuning taught, region by region, if that is shown.
    pub(crate) regions: Option<RegionsReport>,
    /// The title of the page.
    pub(crate) title: String,
    /// Commands that repeat the page.
    pub(crate) commands: Spelled,
    /// The file of the page.
    pub(crate) out: &'a Path,
}

/// A page that was written.
#[derive(Debug)]
pub struct PageReport {
    report: Report,
    regions: Option<RegionsReport>,
    out: PathBuf,
    n_bytes: usize,
}

impl PageRequest<'_> {
    /// The columns of a score table that a page reads.
    ///
    /// # Errors
    /// If a strategy is unknown.
    pub(crate) fn columns<'a>(
        strategies: impl IntoIterator<Item = &'a dyn Strategy>,
        settings: &SelectSettings,
        manifest: &Manifest,
    ) -> Result<ColumnSet> {
        let mut wanted = columns_of(strategies, settings, manifest)?;
        wanted.extend(columns_of(DEFAULT_STRATEGIES, settings, manifest)?);
        wanted.extend(ColumnSet { folds: true, ..ColumnSet::of_losses(["base", "reference"]) });
        Ok(wanted)
    }

    /// Refuses a page that would replace the table or a data file.
    ///
    /// # Errors
    /// If `out` is one of them.
    pub(crate) fn check(out: &Path, scores: &Path, pool: &Pool) -> Result<()> {
        let data = pool.files().iter().map(|file| ("a data file", file.path()));
        let inputs: Vec<_> = data.chain([("the score table", scores)]).collect();
        outputs::check(&[out.to_owned()], &inputs)
    }

    /// Measures, finds the examples, and writes the page, whole or not at all.
    ///
    /// # Errors
    /// If a strategy cannot select, rows of the data or their losses are missing, or the page cannot be written.
    pub(crate) fn write(&self, runtime: &Runtime) -> Result<PageReport> {
        let mut report = self.measured()?;
        report.regions = self.regions.as_ref().map(RegionsReport::part);
        report.tool.clone_from(&self.table.manifest().tool);
        report.manifest = serde_json::to_value(self.table.manifest()).context("the manifest")?;
        report.commands =
            self.commands.of(&report, self.scores, self.table.manifest(), self.settings, |name| {
                self.is_chosen(name)
            })?;
        self.add_examples(&mut report)?;
        let page = to_html(&report);
        lobass_files::write_whole(self.out, page.as_bytes())?;
        runtime.note(&format!(
            "{:16} {}: {}",
            "report",
            self.out.display(),
            counted(page.len() as u64, "byte")
        ));
        let regions = self.regions.clone();
        Ok(PageReport { report, regions, out: self.out.to_owned(), n_bytes: page.len() })
    }

    fn is_chosen(&self, name: &str) -> bool {
        self.chosen.iter().any(|(strategy, _)| strategy.name() == name)
    }

    fn measured(&self) -> Result<Report> {
        let mut measuring = Measuring::new(self.columns, self.n_examples);
        for (strategy, chosen) in self.chosen {
            measuring.add_selected(*strategy, chosen);
        }
        // The direction of the settings is for the named strategies only.
        let settings = SelectSettings { direction: None, ..self.settings.clone() };
        let beside = || self.beside.iter().copied().filter(|strategy| !self.is_chosen(strategy.name()));
        let selector = Selector::open(self.table, self.pool, beside(), &settings)?;
        for strategy in beside() {
            match selector.choose(self.columns, strategy, &settings) {
                Ok(chosen) => measuring.add_selected(strategy, &chosen),
                Err(error) if matches!(error.cause(), Error::Select(_)) => {
                    measuring.leave_out(strategy.name(), error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(measuring.report(self.title.clone()))
    }

    fn add_examples(&self, report: &mut Report) -> Result<()> {
        let mut rows: Vec<u64> = report.views.iter().flat_map(|view| view.picks.rows()).collect();
        rows.sort_unstable();
        rows.dedup();
        let shown = Shown { rows: &rows, columns: self.columns, table: self.table, pool: self.pool };
        let bodies = bodies(&shown, &self.heat)?;
        report.without_heat = self.heat.missing();
        let keys = self.table.keys(&rows, available_threads())?;
        for ((row, key), body) in rows.into_iter().zip(keys).zip(bodies) {
            let at = usize::try_from(row).context("a row of the table")?;
            let n_scored = self.columns.n_scored[at];
            let mean = |name: &str| {
                self.columns
                    .losses(name)
                    .get(at)
                    .filter(|_| n_scored > 0)
                    .map(|sum| sum / f64::from(n_scored))
            };
            let example = Example {
                key: key.to_string(),
                source: self.columns.source_name(at).unwrap_or_default().to_owned(),
                status: self.columns.statuses[at].to_string(),
                n_tokens: self.columns.n_tokens[at],
                n_scored,
                base: mean("base"),
                reference: mean("reference"),
                body,
            };
            report.examples.insert(row, example);
        }
        Ok(())
    }
}

impl PageReport {
    fn json(&self) -> Value {
        let report = &self.report;
        let views = report.views.iter().map(|view| {
            json!({
                "strategy": view.strategy, "n_eligible": view.n_eligible, "n_selected": view.n_selected,
                "n_tokens": view.n_tokens, "kept_scores": view.kept_scores,
                "length_correlation": view.length_correlation, "mean_scored_tokens": view.mean_scored_tokens,
                "shrinkage": view.shrinkage, "excluded": view.excluded, "sources": view.sources, "histogram": view.histogram, "picks": view.picks,
            })
        });
        json!({
            "report": self.out, "n_bytes": self.n_bytes, "n_rows": report.n_rows, "budget": report.budget,
            "seed": report.seed, "statuses": report.statuses, "strategies": views.collect::<Vec<_>>(),
            "left_out": report.left_out, "overlaps": report.overlaps, "without_heat": report.without_heat,
            "regions": self.regions,
        })
    }
}

/// The page as text for a terminal, with the path of the page.
impl fmt::Display for PageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = counted(self.n_bytes as u64, "byte");
        let regions = self.regions.as_ref().map_or(String::new(), |found| format!("\n{found}"));
        write!(f, "{}{regions}\nwrote {} ({bytes})", to_text(&self.report, TEXT_WIDTH), self.out.display())
    }
}

/// The numbers of the page.
impl Serialize for PageReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
