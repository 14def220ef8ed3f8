//! Pools from files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_data::{DataFile, FormatChoice, Pool, RoleWord, find_files, open_files};

use crate::error::{Context as _, Error, Result, bail};
use crate::faults::Faults;
use crate::hub::{Given, find_data};
use crate::runtime::Runtime;
use crate::settings::DataSettings;

/// A pool of one file in memory, as the settings without their files say: the bytes of JSON lines, Parquet, or any other
/// container that lobass reads.
///
/// # Errors
/// If the bytes are no such file, or their rows have no known format.
pub fn pool_in_memory(
    name: &str,
    bytes: Vec<u8>,
    settings: &DataSettings,
    runtime: &Runtime,
) -> Result<Pool> {
    let (choice, words) = format_of(settings)?;
    let file = DataFile::of_bytes(name, bytes, &choice)?.with_roles(&words);
    runtime.note(&format!("{:16} {file}", "data"));
    Ok(Pool::new(vec![file], settings.duplicates))
}

/// How columns are read, and further words for roles.
fn format_of(settings: &DataSettings) -> Result<(FormatChoice, Vec<RoleWord>)> {
    let choice = match (&settings.format, &settings.columns) {
        (Some(_), Some(_)) => bail!(Data, "the data: expected a format or columns, found both"),
        (Some(name), None) => {
            FormatChoice::Named(name.parse().map_err(Error::Data).context("the data format")?)
        }
        (None, Some(columns)) => FormatChoice::Columns(columns.parse()?),
        (None, None) => FormatChoice::Auto,
    };
    let words = RoleWord::parse_all(&settings.roles).map_err(Error::Data).context("the words for roles")?;
    Ok((choice, words))
}

/// Opens the files of a pool, and notes how each is read. Warns of words for roles that no row has.
///
/// # Errors
/// If no files are given, a file is missing or has an unknown format, or the settings contradict each other.
pub fn open_pool(settings: &DataSettings, runtime: &Runtime) -> Result<Pool> {
    let pool = open_further(settings, runtime)?;
    for word in format_of(settings)?.1 {
        if !pool.has_role(&word)? {
            let RoleWord { word, role } = word;
            runtime.warn(&format!("`--role {word}={role}` has no effect: no row has a turn of `{word}`"));
        }
    }
    Ok(pool)
}

/// Opens the files of rows beside a pool, which are read like it, and notes how each is read.
///
/// # Errors
/// The errors of [`open_pool`].
pub(crate) fn open_further(settings: &DataSettings, runtime: &Runtime) -> Result<Pool> {
    if settings.files.is_empty() {
        bail!(Data, "no data: name the pool with `--data FILE ..`");
    }
    let (choice, words) = format_of(settings)?;
    open_as(settings, &choice, &words, None, runtime)
}

/// Opens the files of held-out rows, and notes how each is read. One of their columns may hold wrong responses.
///
/// # Errors
/// The errors of [`open_pool`].
pub fn open_held_out(files: &[String], wrong_responses: Option<&str>, runtime: &Runtime) -> Result<Pool> {
    let settings = DataSettings { files: files.to_vec(), ..DataSettings::default() };
    open_as(&settings, &FormatChoice::Auto, &[], wrong_responses, runtime)
}

/// Opens the files of an evaluation, whose rows need no response, and notes how each is read.
///
/// # Errors
/// If a file cannot be read, or has no column with a prompt.
pub fn open_evaluation(files: &[String], runtime: &Runtime) -> Result<Pool> {
    let settings = DataSettings { files: files.to_vec(), ..DataSettings::default() };
    open_as(&settings, &FormatChoice::Prompts, &[], None, runtime)
}

/// Opens the files that one word of a command line means.
fn open_given(
    given: Given,
    registry: Option<&Path>,
    choice: &FormatChoice,
    runtime: &Runtime,
) -> Result<Vec<DataFile>> {
    match given {
        Given::Here(given) => {
            let opened = open_files(&given, runtime.home(), registry, choice)?;
            if !opened.left_out.is_empty() {
                let left_out = opened.left_out.join("`, `");
                runtime.note(&format!("{:16} {given}: without `{left_out}`", "data"));
            }
            for line in &opened.not_taken {
                runtime.warn(&format!("dataset info, entry `{given}`: {line}"));
            }
            Ok(opened.files)
        }
        Given::Fetched { source, path, address } => {
            let file = DataFile::open(&path, &source, choice)?.from_origin(&address);
            Ok(vec![file.in_set(&format!("hub {source}"))])
        }
    }
}

fn open_as(
    settings: &DataSettings,
    choice: &FormatChoice,
    words: &[RoleWord],
    column_of_caller: Option<&str>,
    runtime: &Runtime,
) -> Result<Pool> {
    let mut files: Vec<DataFile> = Vec::new();
    let mut faults = Faults::default();
    for given in find_data(&settings.files, runtime)? {
        let opened = open_given(given, settings.dataset_info.as_deref(), choice, runtime);
        files.extend(faults.take(opened).unwrap_or_default());
    }
    faults.end()?;
    warn_of_repeated(&files, runtime);
    let files = files.into_iter().map(|file| file.with_roles(words));
    let files = match column_of_caller {
        Some(column) => files.map(|file| file.with_column_of_caller(column)).collect(),
        None => files.collect(),
    };
    let pool = Pool::new(files, settings.duplicates);
    let alike =
        |one: &DataFile, other: &DataFile| (one.source(), one.kind()) == (other.source(), other.kind());
    for files in pool.files().chunk_by(alike) {
        let more = match files.len() {
            1 => String::new(),
            n => format!(" and {} like it", counted(n as u64 - 1, "file")),
        };
        runtime.note(&format!("{:16} {}{more}, source `{}`", "data", files[0], files[0].source()));
    }
    Ok(pool)
}

/// Says which files are in the pool more than once.
fn warn_of_repeated(files: &[DataFile], runtime: &Runtime) {
    let mut seen = BTreeSet::new();
    for file in files {
        let Ok(path) = fs_err::canonicalize(file.path()) else { continue };
        if !seen.insert(path) {
            let path = file.path().display();
            runtime.warn(&format!(
                "`{path}` is given more than once, so its rows are in the pool more than once"
            ));
        }
    }
}

/// The files of paths, folders, and patterns.
///
/// # Errors
/// If a pattern is malformed, or a path has no files.
pub fn paths_of(given: &[PathBuf], home: Option<&Path>) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for given in given {
        paths.extend(find_files(&given.to_string_lossy(), home)?.into_iter().flat_map(|one| one.files));
    }
    Ok(paths)
}

/// As [`paths_of`], with the files of the hub where they are in the cache.
///
/// # Errors
/// Those of [`paths_of`], and if a file of the hub cannot be fetched.
pub fn local_paths_of(given: &[PathBuf], runtime: &Runtime) -> Result<Vec<PathBuf>> {
    let given: Vec<String> = given.iter().map(|path| path.display().to_string()).collect();
    let mut paths = Vec::new();
    for given in find_data(&given, runtime)? {
        match given {
            Given::Here(given) => paths.extend(paths_of(&[given.into()], runtime.home())?),
            Given::Fetched { path, .. } => paths.push(path),
        }
    }
    Ok(paths)
}
