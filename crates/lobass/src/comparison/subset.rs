//! The selection of each strategy with each seed, and its cost.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::Observer as _;
use lobass_core::RowStatus;
use lobass_core::readable::counted;
use lobass_core::{ModelRole, REJECTED, Sequence};
use lobass_data::Pool;
use lobass_evidence::{Cost, SourceCount};
use lobass_run::ScoreFile;
use lobass_select::{Need, Strategy, Summary};

use crate::error::Result;
use crate::reference::TrainingRecord;
use crate::runtime::Runtime;
use crate::selection::{SelectionTarget, Selector, columns_of};
use crate::settings::SelectSettings;

/// The rows that a strategy selected with one seed, and statistics of them.
pub(super) struct Subset {
    /// The rows, in the order of the pool.
    pub(super) rows: Vec<u64>,
    /// The end of the score that was kept, if it is not the default of the strategy.
    pub(super) turned: Option<String>,
    /// Nats of shrinkage in the score.
    pub(super) shrinkage: Option<f64>,
    pub(super) length_correlation: Option<f64>,
    pub(super) mean_scored_tokens: f64,
    pub(super) sources: Vec<SourceCount>,
    /// Whether the budget asks for more rows than there were.
    pub(super) falls_short: bool,
}

/// The rows and settings that subsets are selected from and by.
pub(super) struct SubsetRequest<'a> {
    pub(super) table: &'a ScoreFile,
    pub(super) pool: &'a Pool,
    pub(super) strategies: &'a [String],
    /// The settings of the first seed.
    pub(super) select: &'a SelectSettings,
    pub(super) n_seeds: u64,
    /// The rows that can be trained on.
    pub(super) sequences_of: &'a BTreeMap<u64, Sequence>,
    pub(super) threads: usize,
    /// The directory of the comparison, which gets lists of the rows.
    pub(super) out: &'a Path,
}

impl SubsetRequest<'_> {
    /// Selects with every strategy and every seed, and writes lists of the rows into the directory.
    pub(super) fn select(&self, runtime: &Runtime) -> Result<BTreeMap<(String, u64), Subset>> {
        let mut subsets = BTreeMap::new();
        let Self { table, select: asked, .. } = self;
        let strategies: Vec<&dyn Strategy> =
            self.strategies.iter().map(|name| Ok(asked.strategy(name)? as _)).collect::<Result<_>>()?;
        let wanted = columns_of(strategies.iter().copied(), asked, table.manifest())?;
        let selector = Selector::open(table, self.pool, strategies.iter().copied(), asked)?;
        for offset in 0..self.n_seeds {
            let settings = SelectSettings { seed: asked.seed.wrapping_add(offset), ..(*asked).clone() };
            let columns = table.columns(&wanted, settings.seed, self.threads)?;
            for (&strategy, name) in strategies.iter().zip(self.strategies) {
                let index = self.out.join("selected").join(name).join(format!("seed{offset}.jsonl"));
                let target = SelectionTarget { out: None, index: Some(index) };
                let report = selector.choose_and_write(&columns, strategy, &settings, &target)?;
                let mut rows: Vec<u64> =
                    report.chosen.selection.selected.iter().map(|selected| selected.row).collect();
                rows.sort_unstable();
                let n_selected = rows.len();
                rows.retain(|row| self.sequences_of.contains_key(row));
                if rows.len() < n_selected {
                    runtime.warn(&format!(
                        "{name}: {} cannot be used in training with this base and are left out",
                        counted((n_selected - rows.len()) as u64, "selected row")
                    ));
                }
                let falls_short = report.falls_short() || rows.len() < n_selected;
                let Summary {
                    length_correlation, mean_scored_tokens: (_, mean_scored_tokens), sources, ..
                } = report.summary;
                let share = |share: &lobass_select::SourceShare| SourceCount {
                    source: share.source.clone(),
                    n_rows: share.n_selected,
                };
                let sources = sources.iter().map(share).collect();
                let (own, kept) = (strategy.info().direction, report.chosen.selection.direction);
                let subset = Subset {
                    rows,
                    turned: (kept != own).then(|| kept.to_string()),
                    shrinkage: report.chosen.shrinkage,
                    length_correlation,
                    mean_scored_tokens,
                    sources,
                    falls_short,
                };
                subsets.insert((name.clone(), offset), subset);
            }
        }
        let n_rows = |subset: &Subset| subset.rows.len();
        let most = subsets.values().map(n_rows).max().unwrap_or_default();
        runtime.note(&format!(
            "{:16} strategies: {}; {} of each, of at most {}",
            "select",
            self.strategies.join(", "),
            counted(self.n_seeds, "subset"),
            counted(most as u64, "row")
        ));
        Ok(subsets)
    }
}

/// The column of references on rows that they were trained on.
const IN_SAMPLE: &str = "in_sample";

/// The cost of the columns that a strategy reads: passes over the pool, and trainings of references.
pub(super) fn cost_of_selecting(
    table: &ScoreFile,
    strategy: &dyn Strategy,
    settings: &SelectSettings,
    pool_tokens: u64,
) -> Result<Cost> {
    let models = &table.manifest().models;
    let mut scoring = 0usize;
    // Keyed by training: the models of all epochs come from one.
    let mut trained: BTreeMap<&Path, Option<u64>> = BTreeMap::new();
    for column in columns_of([strategy], settings, table.manifest())?.losses {
        let name = column.strip_suffix(REJECTED).unwrap_or(&column);
        let role = ModelRole::from(name);
        let of_references = role == ModelRole::REFERENCE || name == IN_SAMPLE;
        let is_read = |found: &ModelRole| match of_references {
            true => found.reference().is_some_and(|reference| reference.epoch.is_none()),
            false => *found == role,
        };
        let read: Vec<_> = models.iter().filter(|model| is_read(model.role())).collect();
        // Other contexts of a model are passes too, under other names.
        scoring += read.len().max(1);
        for model in read.iter().filter(|model| model.role().reference().is_some()) {
            let path = Path::new(model.name());
            if model.imported().is_some() {
                trained.insert(path, None); // the training was not lobass's
                continue;
            }
            let record = TrainingRecord::read(path)?;
            let training = TrainingRecord::home(path).unwrap_or(path);
            trained.insert(training, record.and_then(|record| record.n_tokens()));
        }
    }
    // Vectors come with the base's pass; where nothing else is read of it, they are that pass.
    if settings.reads_vectors(strategy) {
        scoring = scoring.max(1);
    }
    // The cost of given ratings is not known.
    if strategy.info().needs.contains(&Need::Rating) {
        trained.insert(Path::new("ratings"), None);
    }
    let references: Option<u64> = trained.values().copied().sum();
    let references = references.map(|n_tokens| Cost::of_training(n_tokens as f64, pool_tokens));
    Ok(Cost { scoring: scoring as f64, references, training: 0.0 })
}

/// Whether a row can be selected.
pub(super) fn is_eligible(status: RowStatus) -> bool {
    status.is_scored() && status != RowStatus::HeldOut
}
