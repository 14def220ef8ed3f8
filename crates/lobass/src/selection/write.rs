//! Writing chosen rows, and a list of them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use lobass_core::{ScoreColumns, Selection};
use lobass_data::Pool;
use lobass_files::WholeFile;
use lobass_run::ScoreFile;
use serde_json::json;

use crate::error::{Context as _, Result, bail};
use crate::settings::available_threads;

/// Writes the chosen rows to `out` and the list of them to `index`; returns each file with its rows.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn write_selection(
    table: &ScoreFile,
    pool: &Pool,
    columns: &ScoreColumns,
    selection: &Selection,
    (out, index): (Option<&Path>, Option<&Path>),
) -> Result<Vec<(PathBuf, u64)>> {
    let mut written = Vec::new();
    if let Some(out) = out {
        written.extend(write_rows(pool, selection, output_paths(pool, out)?)?);
    }
    if let Some(index) = index {
        write_index(table, columns, selection, index)?;
        written.push((index.to_owned(), selection.selected.len() as u64));
    }
    Ok(written)
}

/// Writes each file's chosen rows in its own container.
fn write_rows(pool: &Pool, selection: &Selection, paths: Vec<PathBuf>) -> Result<Vec<(PathBuf, u64)>> {
    let n_rows = usize::try_from(selection.n_rows).context("rows of the pool")?;
    let mut chosen = vec![false; n_rows];
    for selected in &selection.selected {
        chosen[usize::try_from(selected.row).context("rows of the pool")?] = true;
    }
    let mut first_row = 0;
    let mut written = Vec::new();
    for (file, path) in pool.files().iter().zip(paths) {
        let keep =
            |row: u64| usize::try_from(first_row + row).is_ok_and(|row| chosen.get(row) == Some(&true));
        let report = file.write_subset(&path, keep)?;
        first_row += report.n_read;
        written.push((path, report.n_written));
    }
    Ok(written)
}

/// Where each data file's chosen rows go.
pub(super) fn output_paths(pool: &Pool, out: &Path) -> Result<Vec<PathBuf>> {
    match pool.files() {
        [_] if !out.is_dir() && !names_directory(out) => Ok(vec![out.to_owned()]),
        [_, _, ..] if out.is_file() => {
            bail!(
                Selection,
                "output `{}`: expected a directory for several data files, found a file",
                out.display()
            )
        }
        _ => Ok(pool.output_paths().iter().map(|path| out.join(path)).collect()),
    }
}

fn names_directory(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(['/', '\\'])
}

/// Chosen rows whose names are in memory at once.
const INDEX_ROWS: usize = 1 << 22;

/// Writes the chosen rows' places, names, and scores, by rank.
fn write_index(table: &ScoreFile, columns: &ScoreColumns, selection: &Selection, path: &Path) -> Result<()> {
    let mut writer = WholeFile::create(path)?;
    let mut rank = 0;
    for part in selection.selected.chunks(INDEX_ROWS) {
        let rows: Vec<u64> = part.iter().map(|selected| selected.row).collect();
        let keys = table.keys(&rows, available_threads())?;
        for (selected, key) in part.iter().zip(keys) {
            rank += 1;
            let source = usize::try_from(selected.row).ok().and_then(|row| columns.source_name(row));
            let score = selected.score.value();
            let line = json!({
                "row": selected.row, "key": key, "source": source, "score": score, "rank": rank,
            });
            writeln!(writer, "{line}")?;
        }
    }
    Ok(writer.finish()?)
}
