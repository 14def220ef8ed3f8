//! The score table: one row per input row, in Parquet or as JSON lines.

mod json;
mod parquet_file;

use std::io::Read as _;
use std::path::Path;

use lobass_core::{Nll, ScoreRecord};

pub use json::write_json_lines;
pub(crate) use parquet_file::TableWriter;

use crate::{Error, Manifest};

/// A score table in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    /// What the table says of itself.
    pub manifest: Manifest,
    /// Its rows, in the order of the pool.
    pub records: Vec<ScoreRecord>,
}

impl ScoreTable {
    /// Puts a table together whose rows are those of its manifest, each in its place.
    fn checked(manifest: Manifest, records: Vec<ScoreRecord>, path: &Path) -> Result<Self, Error> {
        if records.len() as u64 != manifest.n_rows {
            let reason = format!("expected {} rows, found {}", manifest.n_rows, records.len());
            return Err(not_a_table(path, reason));
        }
        match records.iter().zip(0..).find(|(record, place)| record.row != *place) {
            None => Ok(Self { manifest, records }),
            Some((record, place)) => {
                let reason = format!("expected row {place} in its place, found row {}", record.row);
                Err(not_a_table(path, reason))
            }
        }
    }
}

/// One row on its way into a table; the losses are in the order of the models.
#[derive(Debug, Clone)]
pub(crate) struct TableRow {
    pub(crate) record: ScoreRecord,
    pub(crate) nlls: Vec<Option<Nll>>,
    pub(crate) tokens: Vec<Option<Vec<f32>>>,
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

fn not_a_table(path: &Path, reason: impl Into<String>) -> Error {
    Error::NotATable { path: path.to_owned(), reason: reason.into() }
}

fn nll(sum: Option<f64>, n_scored: u32) -> Option<Nll> {
    sum.map(|sum| Nll { sum, n_scored: n_scored.into() })
}
