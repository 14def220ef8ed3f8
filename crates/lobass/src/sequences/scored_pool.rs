//! The data of a score table: the same bytes, wherever they lie now, the hub too.

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

/// The files a table was made from, where they were or where they are now. Those that are gone are missed only if
/// their rows are read.
///
/// # Errors
/// A file that is not there, or is not the one that was scored.
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
                "data file `{}` of the score table is not there; say where it is with `--data`",
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

/// Refuses a run directory whose table is of other weights in the same role, which would be replaced.
pub fn check_model(run: &Path, model: &ModelKey) -> Result<()> {
    let scores = run.join("scores.parquet");
    if !scores.exists() {
        return Ok(());
    }
    let table = ScoreFile::open(&scores)?;
    let known = table.manifest().models.iter().map(|record| &record.model).find(|one| one.role == model.role);
    match known {
        Some(known) if known.weights_digest != model.weights_digest => bail!(
            Table,
            "`{}`: expected the {} model that its score table was made with, `{}`, found other weights, `{}`; use another \
             run directory",
            run.display(),
            model.role,
            known.path,
            model.path
        ),
        _ => Ok(()),
    }
}

/// A row of a table as a list of another command names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    pub row: u64,
    pub key: Option<ExampleKey>,
    pub source: Option<String>,
}

/// Rows with their keys and sources: those of a score table, or of the pool before there is a table.
pub trait KnownRows {
    fn n_rows(&self) -> u64;

    /// The key and the source of some rows, all of which are there.
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

/// Refuses rows that have another key or another source: they were made from other data.
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
                    "row {} has the {what} `{expected}` and not `{found}`; they were made from other data",
                    one.row
                );
            }
        }
    }
    Ok(())
}
