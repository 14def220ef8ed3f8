//! The owners as they are asked, and their messages.

use std::path::Path;

use lobass_core::{Budget, Score};
use lobass_data::Pool;
use lobass_federate::{Count, Owner, Party, Place, Taken, Totals};
use lobass_run::ScoreFile;
use lobass_select::{Chosen, SelectError, Strategy};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::selection::{Selector, columns_of};
use crate::settings::{SelectSettings, available_threads};

/// An owner with its table.
pub(super) struct OwnerTable {
    pub(super) columns: lobass_core::ScoreColumns,
    /// All candidates and their scores; nothing if no row can be chosen.
    pub(super) chosen: Option<Chosen>,
    /// The rows of the table that are candidates, by their positions in [`Owner`].
    pub(super) rows: Vec<usize>,
    pub(super) owner: Owner,
}

impl OwnerTable {
    /// Ranks the rows of an owner's table by a selection of all of them.
    pub(super) fn open(
        table: &ScoreFile,
        pool: &Pool,
        strategy: &dyn Strategy,
        settings: &SelectSettings,
        min_count: u64,
    ) -> Result<Self> {
        let all = SelectSettings { budget: Some(Budget::Fraction(1.0).to_string()), ..settings.clone() };
        let mut wanted = columns_of([strategy], &all, table.manifest())?;
        wanted.ties = true;
        let columns = table.columns(&wanted, settings.seed, available_threads())?;
        let chosen = match Selector::open(table, pool, [strategy], &all)?.choose(&columns, strategy, &all) {
            Ok(chosen) => Some(chosen),
            Err(Error::Select(SelectError::NothingEligible { .. })) => None,
            Err(error) => return Err(error.within(format!("score table `{}`", table.path().display()))),
        };
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        if let Some(chosen) = &chosen {
            let direction = chosen.selection.direction;
            for (row, score) in chosen.scores.iter().enumerate() {
                let Some(score) = score.and_then(Score::new) else { continue };
                rows.push(row);
                let n_tokens = u32::try_from(columns.n_tokens_read(row))?;
                places.push((Place::of(score, direction, columns.ties[row]), n_tokens));
            }
        }
        let owner = Owner::new(&places, columns.len() as u64, min_count);
        Ok(Self { columns, chosen, rows, owner })
    }
}

/// An owner whose messages are counted, and kept if somebody wants to read them.
pub(super) struct Heard<'a> {
    pub(super) name: &'a str,
    pub(super) owner: &'a mut Owner,
    pub(super) n_answers: u64,
    pub(super) log: Option<Vec<Value>>,
}

impl Heard<'_> {
    fn note(&mut self, question: &Value, answer: &Value) {
        self.n_answers += 1;
        if let Some(log) = &mut self.log {
            log.push(json!({"owner": self.name, "question": question, "answer": answer}));
        }
    }
}

impl Party for Heard<'_> {
    type Error = Error;

    fn totals(&mut self) -> Result<Totals> {
        let Ok(totals) = self.owner.totals();
        self.note(&json!("totals"), &serde_json::to_value(totals)?);
        Ok(totals)
    }

    fn before(&mut self, place: Place) -> Result<Count> {
        let Ok(count) = self.owner.before(place);
        self.note(&json!({"before": place}), &serde_json::to_value(count)?);
        Ok(count)
    }

    fn take(&mut self, place: Place, left: Count) -> Result<Taken> {
        let Ok(taken) = self.owner.take(place, left);
        self.note(&json!({"at": place, "left": left}), &serde_json::to_value(taken)?);
        Ok(taken)
    }
}

/// Writes messages as JSON lines.
pub(super) fn write_log(path: &Path, messages: &[Value]) -> Result<()> {
    let mut lines = crate::outputs::Lines::create(path)?;
    for message in messages {
        lines.write(message)?;
    }
    lines.finish()
}
