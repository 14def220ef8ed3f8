//! The data of a score table: the files that it was made from, also if they have moved.

use std::path::{Path, PathBuf};

use lobass_core::{ColumnSet, ExampleKey};
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use lobass_run::{Manifest, ModelKey, ScoreFile};
use serde::Deserialize;

use crate::error::{Result, bail};
use crate::hub::find_data;
use crate::runtime::Runtime;
use crate::sequences::paths_of;
use crate::settings::available_threads;

/// Opens the data files that a table was made from, at the paths of the table or at new ones. A file that is gone
/// matters only if rows are read.
///
/// # Errors
/// If a file is missing, or its digest is not that of the table.
pub fn open_scored_pool(
    scores: &Path,
    data: &[PathBuf],
    manifest: &Manifest,
    reads_rows: bool,
    runtime: &Runtime,
) -> Result<Pool> {
    let given: Vec<String> = match data.is_empty() {
        true => manifest.inputs.iter().map(|input| input.path.clone()).collect(),
        false => paths_of(data, runtime.home())?.iter().map(|path| path.display().to_string()).collect(),
    };
    let given = find_data(&given, runtime)?;
    if given.len() != manifest.inputs.len() {
        bail!(
            Table,
            "score table `{}` was made from {} data files, {} are given; name them all, in the same order",
            scores.display(),
            manifest.inputs.len(),
            given.len()
        );
    }
    let mut files = Vec::new();
    for (input, given) in manifest.inputs.iter().zip(&given) {
        let path = given.path();
        if !path.exists() && !reads_rows && data.is_empty() {
            continue;
        }
        if !path.exists() {
            bail!(
                Table,
                "data file `{}` of the score table is missing; give its place with `--data`",
                path.display()
            );
        }
        let layout = input.layout.clone();
        let file = DataFile::open(path, &input.source, &FormatChoice::Layout { layout, named: Vec::new() })?
            .in_set(&input.source);
        let found = file.fingerprint()?;
        if found != input.sha256 {
            bail!(
                Table,
                "data file `{}` is not the one that was scored: expected SHA-256 {}, found {}",
                path.display(),
                input.sha256,
                found
            );
        }
        files.push(file);
    }
    Ok(Pool::new(files, Duplicates::Keep))
}

/// Refuses a pool that is not the one that a table was made from.
///
/// # Errors
/// If it has other files, or files of other bytes.
pub fn check_scored_pool(pool: &Pool, manifest: &Manifest) -> Result<()> {
    if pool.files().len() != manifest.inputs.len() {
        bail!(
            Table,
            "the score table was made from {} data files, {} are given; name them all, in the same order",
            manifest.inputs.len(),
            pool.files().len()
        );
    }
    for (input, file) in manifest.inputs.iter().zip(pool.files()) {
        let found = file.fingerprint()?;
        if found != input.sha256 {
            bail!(
                Table,
                "data file `{}` is not the one that was scored: expected SHA-256 {}, found {found}",
                file.path().display(),
                input.sha256
            );
        }
    }
    Ok(())
}

/// Refuses a run directory whose table has other weights in the same role. The table would be replaced.
///
/// # Errors
/// If the weights differ, or the table cannot be read.
pub fn check_model(run: &Path, model: &ModelKey) -> Result<()> {
    let scores = run.join("scores.parquet");
    if !scores.exists() {
        return Ok(());
    }
    let table = ScoreFile::open(&scores)?;
    let known = table.manifest().models.iter().find(|record| *record.role() == model.role);
    match known {
        Some(known) if known.key().is_none_or(|known| known.weights_digest != model.weights_digest) => {
            let rounding = known.key().and_then(|known| known.rounding);
            let otherwise_rounded =
                if rounding == model.rounding { "" } else { " or another rounding of them" };
            bail!(
                Table,
                "`{}`: expected the {} model that its score table was made with, `{}`, found other \
                 weights{otherwise_rounded}, `{}`; use another run directory",
                run.display(),
                model.role,
                known.name(),
                model.path
            )
        }
        _ => Ok(()),
    }
}

/// A row as the list of another command names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// The row, from 0.
    pub row: u64,
    /// The key, if the list has it.
    pub key: Option<ExampleKey>,
    /// The name of the source, if the list has it.
    pub source: Option<String>,
}

/// Rows with keys and sources: those of a score table, or of a pool before there is a table.
pub trait KnownRows {
    /// The number of rows.
    fn n_rows(&self) -> u64;

    /// The key and the source of each of some rows.
    ///
    /// # Errors
    /// If the rows cannot be read.
    fn names(&self, rows: &[u64]) -> Result<Vec<(ExampleKey, String)>>;
}

impl KnownRows for ScoreFile {
    fn n_rows(&self) -> u64 {
        self.manifest().n_rows
    }

    fn names(&self, rows: &[u64]) -> Result<Vec<(ExampleKey, String)>> {
        let columns = self.columns(&ColumnSet::default(), 0, available_threads())?;
        let source = |row: &u64| usize::try_from(*row).ok().and_then(|row| columns.source_name(row));
        let keys = self.keys(rows, available_threads())?;
        Ok(keys
            .into_iter()
            .zip(rows)
            .map(|(key, row)| (key, source(row).unwrap_or_default().to_owned()))
            .collect())
    }
}

/// Refuses rows with another key or another source than in the table: they were made from other data.
///
/// # Errors
/// If a row differs, or is not there.
pub fn check_named(named: &[Named], table: &dyn KnownRows) -> Result<()> {
    let n_rows = table.n_rows();
    if let Some(one) = named.iter().find(|one| one.row >= n_rows) {
        bail!(Table, "expected a row below {n_rows}, the number of rows, found {}", one.row);
    }
    let rows: Vec<u64> = named.iter().map(|one| one.row).collect();
    for (one, (key, source)) in named.iter().zip(table.names(&rows)?) {
        let other_key = one.key.as_ref().filter(|other| **other != key).map(ToString::to_string);
        let other_source = one.source.as_deref().filter(|other| *other != source).map(str::to_owned);
        let of_table = [("key", key.to_string(), other_key), ("source", source.clone(), other_source)];
        for (what, expected, found) in of_table {
            if let Some(found) = found {
                bail!(
                    Table,
                    "row {}: expected {what} `{expected}`, found `{found}`; it was made from other data",
                    one.row
                );
            }
        }
    }
    Ok(())
}
