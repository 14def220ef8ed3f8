//! The targets: damaged inputs, and their readers.

mod arrow;
mod columns;
mod configs;
mod hub;
#[cfg(feature = "hub")]
mod hub_answers;
mod models;
mod nested;
mod rows;
mod tables;
mod training;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lobass_cli::{Observer, StageProgress, run_for};
use lobass_tests::fixture;

use crate::mutate::Kind;

/// One kind of file.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Puts everything else that is needed into a directory, and gives files to damage.
    pub(crate) prepare: fn(&Path) -> Vec<Vec<u8>>,
    /// Reads a damaged file, and goes on with what it says as far as a command would.
    pub(crate) run: fn(&Path, &[u8]),
}

/// Everything that a stranger may have written.
pub(crate) const TARGETS: &[Target] = &[
    models::CONFIG,
    models::WEIGHTS,
    models::INDEX,
    models::ADAPTER_CONFIG,
    models::ADAPTER_WEIGHTS,
    models::TOKENIZER,
    models::TOKENIZER_CONFIG,
    rows::TEMPLATE,
    rows::LINES,
    rows::ARRAY,
    rows::CSV,
    rows::PARQUET,
    columns::PARQUET,
    columns::ARROW,
    arrow::ARROW,
    arrow::SAVED,
    nested::NESTED,
    configs::TRAINER_CONFIG,
    #[cfg(feature = "hub")]
    hub_answers::LISTING,
    #[cfg(feature = "hub")]
    hub_answers::INDEX_OF_WEIGHTS,
    hub::CACHE,
    training::TRAINING_STATE,
    training::OPTIMIZER,
    training::TRAINING_RECORD,
    tables::SCORES,
    tables::SCORE_LINES,
    tables::EMBEDDINGS,
];

/// Hears nothing.
struct Deaf;

impl Observer for Deaf {
    fn note(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn progress(&self, _: &StageProgress<'_>) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

/// Runs a command line in this process, and gives its result as text or its error. Files are named by `{name}`, which
/// becomes a path in the directory.
fn command(dir: &Path, line: &str) -> Result<String, String> {
    let words =
        line.split(' ').map(|word| match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
            Some(name) => dir.join(name).display().to_string(),
            None => word.to_owned(),
        });
    match run_for(Arc::new(Deaf), words) {
        Ok(value) => Ok(value.to_string()),
        Err(refusal) => Err(format!("{refusal:?}")),
    }
}

/// The checkpoint and the pool of the demo.
fn unpack_demo(dir: &Path) {
    lobass_demo::unpack(dir).unwrap();
}

/// The first rows of the demo's pool.
fn small_pool(dir: &Path, n_rows: usize) -> Vec<u8> {
    let pool = fs_err::read_to_string(dir.join("pool.jsonl")).unwrap();
    let rows: Vec<String> = pool.lines().take(n_rows).map(|line| format!("{line}\n")).collect();
    rows.concat().into_bytes()
}

/// Removes what a command writes, so that the next one may write it again.
fn remove(path: PathBuf) {
    if path.is_dir() {
        fs_err::remove_dir_all(path).unwrap();
    } else if path.exists() {
        fs_err::remove_file(path).unwrap();
    }
}

/// Copies the files of a fixture.
fn copy(name: &str, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs_err::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A file of every directory of a fixture that has it.
fn of_each(fixtures: &str, file: &str) -> Vec<Vec<u8>> {
    let entries = fs_err::read_dir(fixture(fixtures)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path().join(file)).collect();
    paths.sort();
    paths.into_iter().filter(|path| path.is_file()).map(|path| fs_err::read(path).unwrap()).collect()
}
