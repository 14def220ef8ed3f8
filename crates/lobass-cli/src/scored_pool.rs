//! The data of a score table: the same bytes, wherever they lie now, the hub too.

use std::path::{Path, PathBuf};

use anyhow::bail;
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use lobass_run::Manifest;

use crate::hub::find_data;
use crate::ui::Ui;

/// The files a table was made from, where they were or where they are now. Those that are gone are missed only if
/// their rows are read.
///
/// # Errors
/// A file that is not there, or is not the one that was scored.
pub(crate) fn open_scored_pool(
    scores: &Path,
    data: &[PathBuf],
    manifest: &Manifest,
    reads_rows: bool,
    ui: &Ui,
) -> anyhow::Result<Pool> {
    let given: Vec<String> = match data.is_empty() {
        true => manifest.inputs.iter().map(|input| input.path.clone()).collect(),
        false => data.iter().map(|path| path.display().to_string()).collect(),
    };
    let given = find_data(&given, ui)?;
    if given.len() != manifest.inputs.len() {
        bail!(
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
                "data file `{}` of the score table is not there; say where it is with `--data`",
                path.display()
            );
        }
        let layout = input.layout.clone();
        let file = DataFile::open(path, &input.source, &FormatChoice::Layout { layout, named: Vec::new() })?;
        let found = file.fingerprint()?;
        if found != input.sha256 {
            bail!(
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
