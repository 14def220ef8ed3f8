//! Inspecting one row: its text, its tokens, and their losses.

mod losses;
mod table;

use std::fmt;
use std::path::Path;

use lobass_core::readable::Labelled;
use lobass_core::{ExampleKey, RowStatus};
use lobass_data::{Encoded, PoolRow, RowFault, Trace, Unread};
use lobass_run::ScoreFile;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::error::{Result, bail};
use crate::hub::find_model;
use crate::missing::Missing;
use crate::model::{Model, with_template_of};
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::{ComputeSettings, DataSettings, EncodeSettings};

pub use losses::TokenLosses;

/// A row that is to be inspected.
#[derive(Debug, Clone)]
pub struct InspectJob<'a> {
    /// The data files and how they are read.
    pub data: &'a DataSettings,
    /// How rows become sequences.
    pub sequences: &'a EncodeSettings,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// The base, whose tokenizer and chat template are used.
    pub base: &'a Path,
    /// The reference, for its losses.
    pub reference: Option<&'a Path>,
    /// Whether the loss of every scored token is computed, which loads the weights.
    pub losses: bool,
    /// A score table, for the losses that it has of the row.
    pub scores: Option<&'a Path>,
    /// The row, from 0 over all files.
    pub row: u64,
}

/// A row as a model reads it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The row, from 0 over all files.
    pub row: u64,
    /// The key.
    pub key: ExampleKey,
    /// The name of the source.
    pub source: String,
    /// The status of the row.
    pub status: RowStatus,
    /// The reason for every status but [`RowStatus::Ok`].
    pub reason: Option<String>,
    /// Fields that the model does not see.
    pub unread: Vec<Unread>,
    /// Tokens and scored tokens of the rejected response of a pair.
    pub rejected: Option<(usize, usize)>,
    /// The status and the losses in the score table, in words.
    pub in_table: Option<String>,
    /// The text and the tokens; `None` if the row cannot be rendered.
    pub shown: Option<Shown>,
}

/// The text and the tokens of a row.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The rendered text, its tokens, and which of them are scored.
    pub trace: Trace,
    /// The token of each id as the tokenizer spells it; `None` for an id without a token.
    pub tokens: Vec<Option<String>>,
    /// The losses under the base and the reference, if they were computed.
    pub losses: Vec<TokenLosses>,
}

impl InspectJob<'_> {
    /// Finds the row, and computes its losses if they are asked for.
    ///
    /// # Errors
    /// If models or data cannot be opened, the pool has no such row, the score table is of other data, or the models are
    /// not a pair.
    pub fn run(&self, runtime: &Runtime) -> Result<Inspection> {
        let missing = Missing::default().model("base", self.base).files("score table", self.scores);
        let missing = missing.models("reference", self.reference);
        missing.data(self.data, runtime).sequences(self.sequences).end()?;
        let base = Model::open_as("base", self.base, self.compute, runtime)?;
        let table = self.scores.map(ScoreFile::open).transpose()?;
        let sequences = self.sequences(&base, table.as_ref(), runtime)?;
        let row = find_row(&sequences, self.row)?;
        let in_table = match self.scores.zip(table.as_ref()) {
            Some((path, table)) => {
                table::check(path, table.manifest(), &sequences, &base, row.file, runtime)?;
                Some(table::scored_as(path, table, &row)?)
            }
            None => None,
        };
        let source = sequences.pool.files()[row.file].source();
        let (encoded, trace) = match &row.example {
            Err(fault) => return Ok(Inspection::faulty(&row, source, fault, Vec::new())),
            Ok(example) => (sequences.encoder.encode(example), sequences.encoder.trace(example)),
        };
        let unread = [row.unread.as_slice(), &encoded.unread].concat();
        let trace = match trace {
            Err(fault) => return Ok(Inspection::faulty(&row, source, &fault, unread)),
            Ok(trace) => trace,
        };
        let losses = match &encoded.sequence {
            Some(sequence) if self.losses => {
                losses::losses(&base, self.reference, &sequences, sequence, runtime)?
            }
            _ => Vec::new(),
        };
        let tokenizer = sequences.encoder.tokenizer();
        let tokens = trace.ids.iter().map(|&id| tokenizer.token(id)).collect();
        let shown = Shown { trace, tokens, losses };
        Ok(Inspection { unread, in_table, shown: Some(shown), ..Inspection::of(&row, source, &encoded) })
    }

    fn sequences(&self, base: &Model, table: Option<&ScoreFile>, runtime: &Runtime) -> Result<Sequences> {
        // A template that asks for the time gets the time of the table, so that both have the same tokens.
        let told = table.and_then(|table| table.manifest().template.now.clone());
        let tuned = self.reference.map(|dir| find_model(dir, runtime)).transpose()?;
        let tuned = tuned.as_ref().map(|found| found.dir.as_path());
        let encode = with_template_of(self.sequences, base.dir(), tuned, runtime)?;
        Sequences::open(self.data, &encode, base.dir(), base.checkpoint.spec(), told, runtime)
    }
}

fn find_row(sequences: &Sequences, wanted: u64) -> Result<PoolRow> {
    let mut count = 0;
    for row in sequences.pool.rows() {
        let row = row?;
        if row.row == wanted {
            return Ok(row);
        }
        count = row.row + 1;
    }
    bail!(Data, "row {wanted}: the pool has {count} rows, counted from 0")
}

impl Inspection {
    fn of(row: &PoolRow, source: &str, encoded: &Encoded) -> Self {
        let rejected = encoded.rejected.as_ref();
        Self {
            row: row.row,
            key: row.key.clone(),
            source: source.to_owned(),
            status: encoded.status,
            reason: encoded.reason.clone(),
            unread: Vec::new(),
            rejected: rejected.map(|rejected| (rejected.n_tokens(), rejected.n_scored())),
            in_table: None,
            shown: None,
        }
    }

    /// A row that cannot be rendered.
    fn faulty(row: &PoolRow, source: &str, fault: &RowFault, unread: Vec<Unread>) -> Self {
        Self {
            row: row.row,
            key: row.key.clone(),
            source: source.to_owned(),
            status: fault.status,
            reason: Some(fault.reason.clone()),
            unread,
            rejected: None,
            in_table: None,
            shown: None,
        }
    }

    fn json(&self) -> Value {
        let Self { row, key, status, reason, .. } = self;
        let Some(Shown { trace, tokens, losses }) = &self.shown else {
            return json!({"row": row, "key": key, "status": status, "reason": reason});
        };
        let losses: Map<String, Value> =
            losses.iter().map(|model| (model.role.to_string(), json!(model.losses))).collect();
        json!({
            "row": row,
            "key": key,
            "status": status,
            "reason": reason,
            "text": trace.text,
            "input_ids": trace.ids,
            "mask": trace.scored,
            "tokens": tokens,
            "offsets": trace.offsets,
            "border": trace.border,
            "unread": self.unread,
            "token_nll": losses,
        })
    }
}

/// The facts of the row, without its text.
impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut facts = Labelled::default();
        facts.line("row", format!("{} of source `{}`", self.row, self.source));
        facts.line("key", &self.key);
        match &self.reason {
            Some(reason) => facts.line("status", format!("{}: {reason}", self.status)),
            None => facts.line("status", self.status),
        }
        for unread in &self.unread {
            facts.line("not read", unread);
        }
        if let Some(Shown { trace, .. }) = &self.shown {
            let n_scored = trace.scored.iter().filter(|&&counts| counts).count();
            facts.line("tokens", format!("{}, {n_scored} of them scored", trace.ids.len()));
        }
        if let Some((n_tokens, n_scored)) = self.rejected {
            facts.line(
                "rejected",
                format!("{n_tokens} tokens, {n_scored} of them scored; the chosen side is shown"),
            );
        }
        if let Some(found) = &self.in_table {
            facts.line("table", found);
        }
        facts.fmt(f)
    }
}

impl Serialize for Inspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
