//! The score table: one row per input row, in Parquet or as JSON lines.

mod file;
mod groups;
mod input;
mod json;
mod parquet_columns;
mod parquet_file;
mod row_tokens;
mod seeds;
mod tokens;
mod wanted;

use std::io::Read as _;
use std::path::Path;

use lobass_core::{Detail, Nll, ScoreRecord, Sequence};

pub use file::ScoreFile;
pub use json::write_json_lines;
pub(crate) use parquet_file::TableWriter;
pub use seeds::{losses_by_seed, null_losses_by_seed, null_seed_columns, seed_columns};
pub use tokens::TokenLosses;

use crate::manifest::{REJECTED, further_columns};
use crate::{Error, Manifest, Seal, plan};

/// A score table in memory, whole and row by row; of large tables [`ScoreFile`] reads what is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    /// The manifest of the table.
    pub manifest: Manifest,
    /// Its rows, in the order of the pool.
    pub records: Vec<ScoreRecord>,
    /// Every other column of losses, by the name of its model: the references that are joined in
    /// [`ScoreRecord::reference`], and models that count for nothing else. Of pairs also those of the rejected
    /// responses, as `ROLE_rejected`.
    pub further: Vec<(String, Vec<Option<Nll>>)>,
}

impl ScoreTable {
    /// Puts a table together whose rows are those of its manifest, each in its place.
    fn checked(
        manifest: Manifest,
        records: Vec<ScoreRecord>,
        further: Vec<Vec<Option<Nll>>>,
        path: &Path,
    ) -> Result<Self, Error> {
        if records.len() as u64 != manifest.n_rows {
            let reason = format!("expected {} rows, found {}", manifest.n_rows, records.len());
            return Err(not_a_table(path, reason));
        }
        match records.iter().zip(0..).find(|(record, place)| record.row != *place) {
            None => {
                let further = manifest.further_columns().into_iter().zip(further).collect();
                Ok(Self { manifest, records, further })
            }
            Some((record, place)) => Err(not_in_place(path, record.row, place)),
        }
    }

    /// The losses under one model or role of the table; of a pool of pairs also under `ROLE_rejected`.
    pub fn losses(&self, role: &str) -> Option<Vec<Option<Nll>>> {
        if let Some((_, losses)) = self.further.iter().find(|(name, _)| name == role) {
            return Some(losses.clone());
        }
        let of = |value: fn(&ScoreRecord) -> Option<Nll>| Some(self.records.iter().map(value).collect());
        match role {
            "base" => of(|record| record.base),
            "reference" => of(|record| record.reference),
            "in_sample" => of(|record| record.in_sample),
            "base_rejected" => of(|record| record.rejected?.base),
            "reference_rejected" => of(|record| record.rejected?.reference),
            _ => None,
        }
    }
}

/// Which columns a table has beside those that every table has.
#[derive(Debug, Clone)]
pub(crate) struct TableShape {
    reference: bool,
    folds: bool,
    pairs: bool,
    /// Columns of losses, without `_nll`.
    further: Vec<String>,
    /// Models with a loss for every token.
    tokens: Vec<String>,
}

impl TableShape {
    /// The columns of models whose losses another program computed: a base, and a reference perhaps.
    pub(crate) fn of_import(roles: Vec<String>, pairs: bool, detail: Detail) -> Self {
        let reference = roles.len() > 1;
        let tokens = if detail == Detail::PerToken { roles } else { Vec::new() };
        Self { reference, folds: false, pairs, further: Vec::new(), tokens }
    }

    pub(crate) fn of(seal: &Seal, pairs: bool) -> Self {
        let tokens = seal.models().filter(|_| seal.detail == Detail::PerToken);
        Self {
            reference: !seal.references.is_empty(),
            folds: seal.folds.is_some(),
            pairs,
            further: further_columns(&seal.further_roles(), pairs),
            tokens: tokens.map(|model| model.role.to_string()).collect(),
        }
    }
}

/// One row on its way into a table; without losses, both lists are empty.
#[derive(Debug, Clone)]
pub(crate) struct TableRow {
    pub(crate) record: ScoreRecord,
    /// In the order of [`TableShape::further`].
    pub(crate) further: Vec<Option<f64>>,
    /// In the order of the models.
    pub(crate) tokens: Vec<Option<Vec<f32>>>,
    /// The tokens themselves, if there is a loss for each.
    pub(crate) sequence: Option<Sequence>,
}

impl TableRow {
    pub(crate) fn without_losses(record: ScoreRecord) -> Self {
        Self { record, further: Vec::new(), tokens: Vec::new(), sequence: None }
    }
}

/// Reads a score table, in Parquet or as JSON lines.
///
/// # Errors
/// [`Error::NotATable`] if the file is something else, [`Error::Parquet`], [`Error::Json`], or [`Error::Damaged`] if
/// it cannot be read.
pub fn read_table(path: &Path) -> Result<ScoreTable, Error> {
    let mut magic = Vec::new();
    fs_err::File::open(path)?.take(4).read_to_end(&mut magic)?;
    match magic.as_slice() {
        b"PAR1" => parquet_file::read(path),
        [b'{', ..] => json::read(path),
        _ => Err(not_a_table(path, "expected Parquet or JSON lines")),
    }
}

/// The key of the manifest in a Parquet file.
const MANIFEST_KEY: &str = "lobass";

/// The manifest, unless a later lobass wrote a table that means something else.
fn of_this_version(manifest: Manifest, path: &Path) -> Result<Manifest, Error> {
    match manifest.version {
        plan::VERSION => Ok(manifest),
        other => {
            let expected = plan::VERSION;
            let reason = format!("expected version {expected}, found {other}; a newer lobass reads it");
            Err(not_a_table(path, reason))
        }
    }
}

fn not_a_table(path: &Path, reason: impl Into<String>) -> Error {
    Error::NotATable { path: path.to_owned(), reason: reason.into() }
}

fn not_in_place(path: &Path, row: u64, place: u64) -> Error {
    not_a_table(path, format!("expected row {place} in its place, found row {row}"))
}

fn nll(sum: Option<f64>, n_scored: u32) -> Option<Nll> {
    sum.map(|sum| Nll { sum, n_scored: n_scored.into() })
}

/// The losses of a further column, over the tokens that it is about.
fn further_nll(column: &str, sum: Option<f64>, record: &ScoreRecord) -> Option<Nll> {
    if column.ends_with(REJECTED) {
        return nll(sum, record.rejected?.n_scored);
    }
    nll(sum, record.n_scored)
}
