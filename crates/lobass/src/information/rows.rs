//! Rows whose prompts mislead the model.

use std::path::Path;

use lobass_core::ExampleKey;
use lobass_information::pvi;
use lobass_run::{RowName, RowScore, RowScoreWriter};
use serde_json::json;

use super::report::RowToRead;
use super::table::Table;
use crate::error::Result;

/// The information of rows in bits: the mean over trainings.
fn mean_pvi(tables: &[Table], rows: &[usize]) -> Vec<f64> {
    let trials = super::losses(tables, rows);
    let n = trials.len() as f64;
    (0..rows.len()).map(|at| trials.iter().map(|trial| pvi(&trial[at])).sum::<f64>() / n).collect()
}

/// Rows with information below zero, the lowest first.
pub(super) fn below_zero(tables: &[Table], rows: &[usize]) -> Vec<usize> {
    let mut found: Vec<(f64, usize)> = mean_pvi(tables, rows).into_iter().zip(rows.iter().copied()).collect();
    found.retain(|(pvi, _)| *pvi < 0.0);
    found.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    found.into_iter().map(|(_, row)| row).collect()
}

/// Rows with their names, and the losses that their information is made of.
pub(super) fn to_read(
    first: &Table,
    tables: &[Table],
    rows: &[usize],
    threads: usize,
) -> Result<Vec<RowToRead>> {
    let places: Vec<u64> = rows.iter().map(|&row| row as u64).collect();
    let keys = first.file().keys(&places, threads)?;
    let trials = super::losses(tables, rows);
    let mean = |at: usize, of: fn(&lobass_information::Losses) -> f64| {
        trials.iter().map(|trial| of(&trial[at])).sum::<f64>() / trials.len() as f64 / std::f64::consts::LN_2
    };
    let row = |at: usize| RowToRead {
        row: places[at],
        key: keys[at].to_string(),
        source: first.source(rows[at]),
        n_scored: first.n_tokens(rows[at]),
        pvi: mean(at, |losses| losses.null - losses.reference),
        null_bits: mean(at, |losses| losses.null),
        reference_bits: mean(at, |losses| losses.reference),
    };
    Ok((0..rows.len()).map(row).collect())
}

/// Writes rows, the lowest first, with `score` for their information in bits.
pub(super) fn write(
    out: &Path,
    first: &Table,
    tables: &[Table],
    rows: &[usize],
    threads: usize,
) -> Result<()> {
    let names: Vec<String> = tables.iter().map(Table::name).collect();
    let manifest = json!({
        "tool": concat!("lobass ", env!("CARGO_PKG_VERSION")),
        "score": "pointwise V-information of the prompt about the response, in bits, below zero",
        "scores": names,
        "unseen": first.unseen(),
    });
    let parts = ["null_bits", "reference_bits"].map(str::to_owned).to_vec();
    let mut writer = RowScoreWriter::create(out, parts, &manifest)?;
    let keyed = to_read(first, tables, rows, threads)?;
    let of = |(row, &at): (RowToRead, &usize)| RowScore {
        name: RowName {
            row: row.row,
            key: ExampleKey::new(row.key),
            source: row.source,
            status: first.status(at),
        },
        score: Some(row.pvi),
        parts: vec![Some(row.null_bits), Some(row.reference_bits)],
    };
    writer.write(&keyed.into_iter().zip(rows).map(of).collect::<Vec<_>>())?;
    Ok(writer.finish()?)
}
