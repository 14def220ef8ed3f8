//! The directory of a run: the names of its files.

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_data::Pool;

use crate::error::Result;
use crate::outputs;
use crate::runtime::Runtime;
use crate::selection::SelectionTarget;

/// The file with all settings of a run.
pub(super) const SETTINGS: &str = "settings.toml";
/// The files by which a directory is known as that of a run: those of `run --init`, of a run itself, and of the demo.
const RUN_FILES: [&str; 3] = ["lobass.toml", SETTINGS, "shipped"];
/// The score table of a run.
pub(super) const SCORES: &str = "scores.parquet";
/// The work directory in the directory of a run.
pub(super) const WORK: &str = "work";
/// The directory of selections in the directory of a run.
const SELECTED: &str = "selected";
/// The file by which a directory is known as that of a selection.
const INDEX: &str = "index.jsonl";

/// Refuses a directory that is neither empty nor that of a run.
///
/// # Errors
/// If the directory holds something else, or cannot be read.
pub fn check_directory(out: &Path) -> Result<()> {
    let known = RUN_FILES.iter().any(|name| out.join(name).exists());
    if known { Ok(()) } else { outputs::check_empty(out) }
}

/// Removes the selections of strategies that are no longer asked for. They would look current.
pub(super) fn remove_stale(out: &Path, strategies: &[String], pool: &Pool, runtime: &Runtime) -> Result<()> {
    let selected = out.join(SELECTED);
    if !selected.exists() {
        return Ok(());
    }
    let names =
        fs_err::read_dir(&selected)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut stale: Vec<String> = names.collect::<std::io::Result<_>>()?;
    stale.retain(|name| !strategies.contains(name) && selected.join(name).join(INDEX).is_file());
    stale.sort();
    for name in &stale {
        target(out, name).remove(pool)?;
        if selected.join(name).exists() {
            runtime.warn(&format!(
                "`{}` holds files that lobass did not write; they stay",
                selected.join(name).display()
            ));
        }
    }
    if !stale.is_empty() {
        let names = stale.join(", ");
        runtime.note(&format!("{:16} the selections of earlier settings are removed: {names}", "select"));
    }
    Ok(())
}

/// The files of the selection of a strategy.
pub(super) fn target(out: &Path, strategy: &str) -> SelectionTarget {
    let directory = out.join(SELECTED).join(strategy);
    SelectionTarget { out: Some(with_slash(&directory)), index: Some(directory.join(INDEX)) }
}

/// A path with a slash at its end, which makes it a directory.
fn with_slash(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push("/");
    path.into()
}
