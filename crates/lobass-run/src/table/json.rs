//! The table as JSON lines: a line with the manifest, then a line per row.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use lobass_core::{ExampleKey, RowStatus, ScoreRecord};
use serde::{Deserialize, Serialize};

use super::{ScoreTable, nll, not_a_table};
use crate::store::partial_path;
use crate::{Error, Manifest};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Manifest(Manifest),
    Row(Row),
}

#[derive(Serialize, Deserialize)]
struct Row {
    row: u64,
    key: ExampleKey,
    status: RowStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    source: String,
    n_tokens: u32,
    n_scored: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_nll: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_nll: Option<f64>,
}

/// Writes a table as JSON lines; per-token losses are left out.
///
/// # Errors
/// If the file cannot be written; it appears whole or not at all.
pub fn write_json_lines(table: &ScoreTable, out: &Path) -> Result<(), Error> {
    let partial = partial_path(out);
    let mut writer = BufWriter::new(fs_err::File::create(&partial)?);
    let mut line = |line: &Line| -> std::io::Result<()> {
        serde_json::to_writer(&mut writer, line)?;
        writer.write_all(b"\n")
    };
    line(&Line::Manifest(table.manifest.clone()))?;
    for record in &table.records {
        line(&Line::Row(Row {
            row: record.row,
            key: record.key.clone(),
            status: record.status,
            reason: record.reason.clone(),
            source: record.source.clone(),
            n_tokens: record.n_tokens,
            n_scored: record.n_scored,
            base_nll: record.base.map(|nll| nll.sum),
            reference_nll: record.reference.map(|nll| nll.sum),
        }))?;
    }
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    fs_err::rename(&partial, out)?;
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<ScoreTable, Error> {
    let mut manifest = None;
    let mut records = Vec::new();
    for (line, number) in BufReader::new(fs_err::File::open(path)?).lines().zip(1..) {
        let parsed = serde_json::from_str(&line?)
            .map_err(|error| not_a_table(path, format!("line {number}: {error}")))?;
        match parsed {
            Line::Manifest(found) => manifest = Some(found),
            Line::Row(row) => records.push(ScoreRecord {
                row: row.row,
                key: row.key,
                status: row.status,
                reason: row.reason,
                source: row.source,
                n_tokens: row.n_tokens,
                n_scored: row.n_scored,
                base: nll(row.base_nll, row.n_scored),
                reference: nll(row.reference_nll, row.n_scored),
            }),
        }
    }
    let manifest: Manifest =
        manifest.ok_or_else(|| not_a_table(path, "expected a line with the manifest"))?;
    ScoreTable::checked(manifest, records, path)
}
