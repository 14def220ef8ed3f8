//! One budget over the tables of several owners.

use std::path::{Path, PathBuf};

use lobass_core::{Score, Selected, Selection};
use lobass_federate::{Border, find_border};
use lobass_run::ScoreFile;

use super::alike::{check_settings, check_tables, names};
use super::outputs::Outputs;
use super::owners::{Heard, OwnerTable, write_log};
use super::report::{FederatedSelection, OwnerReport};
use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::runtime::Runtime;
use crate::selection::write_selection;
use crate::sequences::open_scored_pool;
use crate::settings::SelectSettings;

/// A selection over the score tables of several owners, each of which could be on another machine: only counts pass
/// between them.
#[derive(Debug, Clone)]
pub struct FederatedSelectJob<'a> {
    /// The score table of each owner. The joined table would have their rows in this order.
    pub scores: &'a [PathBuf],
    /// The strategy. Its score of a row has to depend on that row alone.
    pub strategy: &'a str,
    /// The budget over all owners, the seed of ties, and guards that look at one row.
    pub settings: &'a SelectSettings,
    /// How many rows an answer may tell apart at least; 1 answers exactly.
    pub min_count: u64,
    /// Whether owners may have different references, each trained on the rows of the others.
    pub own_references: bool,
    /// The directory of what is kept: `OWNER/` for each, with the rows in their own formats and `index.jsonl`. `None`
    /// writes nothing.
    pub out: Option<&'a Path>,
    /// A file for all messages, as JSON lines.
    pub messages: Option<&'a Path>,
}

impl FederatedSelectJob<'_> {
    /// Finds the border of the budget by asking the owners, and has each of them keep its rows before it.
    ///
    /// # Errors
    /// If the tables cannot be ranked in one list, the strategy or a setting looks at more than one row, an output would
    /// replace an input of any owner, or it cannot be written.
    pub fn run(&self, runtime: &Runtime) -> Result<FederatedSelection> {
        self.settings.check([self.strategy])?;
        let strategy = self.settings.strategy(self.strategy)?;
        check_settings(strategy, self.settings)?;
        let mut missing = Missing::default();
        for table in self.scores {
            missing = missing.file("score table", table);
        }
        missing.select(self.settings).end()?;
        let outputs = Outputs { out: self.out, messages: self.messages };
        outputs.check_given(self.scores, self.settings)?;
        let budget = self.settings.budget()?;
        let tables = self.scores.iter().map(|path| ScoreFile::open(path)).collect::<Result<Vec<_>, _>>()?;
        if tables.is_empty() {
            bail!(Settings, "expected the score table of at least one owner, found none");
        }
        check_tables(&tables, self.own_references)?;
        outputs.check_scored(&tables)?;
        let names = names(self.scores);
        let reads_rows = self.out.is_some() || crate::selection::reads_rows(strategy, self.settings);
        let (mut pools, mut owners) = (Vec::new(), Vec::new());
        for table in &tables {
            runtime.go_on()?;
            let pool = open_scored_pool(table.path(), &[], table.manifest(), reads_rows, runtime)?;
            owners.push(OwnerTable::open(table, &pool, strategy, self.settings, self.min_count)?);
            pools.push(pool);
        }
        outputs.check_owners(&names, &tables, &pools, self.settings, runtime)?;

        let mut heard: Vec<Heard<'_>> = owners
            .iter_mut()
            .zip(&names)
            .map(|(table, name)| Heard {
                name,
                owner: &mut table.owner,
                n_answers: 0,
                log: self.messages.map(|_| Vec::new()),
            })
            .collect();
        let border = find_border(&mut heard, budget)?;
        let n_answers: Vec<u64> = heard.iter().map(|heard| heard.n_answers).collect();
        let log: Vec<_> = heard.into_iter().flat_map(|heard| heard.log.unwrap_or_default()).collect();
        if let Some(path) = self.messages {
            write_log(path, &log)?;
        }

        let mut reports = Vec::new();
        for (at, (table, owner)) in tables.iter().zip(&mut owners).enumerate() {
            let selection = selection(owner, &border, at, strategy.name(), budget, self.settings.seed);
            if self.out.is_some() {
                let target = outputs.of_owner(&names[at]);
                if let Some(dir) = target.index.as_deref().and_then(Path::parent) {
                    fs_err::create_dir_all(dir)?;
                }
                write_selection(table, &pools[at], &owner.columns, &selection, target.places())?;
            }
            reports.push(OwnerReport {
                name: names[at].clone(),
                n_rows: selection.n_rows,
                n_eligible: selection.n_eligible,
                n_kept: selection.selected.len() as u64,
                n_tokens: selection.n_tokens,
                n_answers: n_answers[at],
            });
        }
        Ok(FederatedSelection::new(strategy.name(), budget, self.min_count.max(1), border, reports))
    }
}

/// What an owner keeps.
fn selection(
    table: &mut OwnerTable,
    border: &Border,
    at: usize,
    strategy: &str,
    budget: lobass_core::Budget,
    seed: u64,
) -> Selection {
    let kept = table.owner.kept(border, at);
    let rows: Vec<usize> = kept.into_iter().map(|position| table.rows[position]).collect();
    let chosen = table.chosen.as_ref();
    let score = |row: usize| chosen.and_then(|chosen| chosen.scores.get(row)).and_then(Score::new);
    let selected = |&row: &usize| Some(Selected { row: row as u64, score: score(row)? });
    Selection {
        strategy: strategy.to_owned(),
        direction: chosen.map_or(lobass_core::Direction::Descending, |chosen| chosen.selection.direction),
        budget,
        seed,
        n_rows: table.columns.len() as u64,
        n_eligible: table.rows.len() as u64,
        n_tokens: rows.iter().map(|&row| table.columns.n_tokens_read(row)).sum(),
        selected: rows.iter().filter_map(selected).collect(),
    }
}
