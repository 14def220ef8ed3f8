//! From what a person writes to files: a file, a folder of them, or a pattern such as `data/*.jsonl`.

mod folder;
mod open;
mod saved;

use std::path::{Path, PathBuf};

use lobass_core::set_name;
pub use open::{OpenedFiles, open_files};

use crate::Error;

/// Data files that were found under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFiles {
    /// The source name: the given name, or that of the folder, or that of the file without its ending.
    pub source: String,
    /// Names the set that the files belong to: sets differ even if their sources have one name.
    pub set: String,
    /// The files.
    pub files: Vec<PathBuf>,
    /// Files beside them that are not read: other splits, and tables beside other data.
    pub left_out: Vec<String>,
}

impl FoundFiles {
    fn file(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (source, is_shard) = set_name(&name);
        let set = match path.parent().filter(|_| is_shard) {
            Some(folder) => format!("shards {}", folder.join(source).display()),
            None => format!("file {}", path.display()),
        };
        Self { source: source.to_owned(), set, files: vec![path], left_out: Vec::new() }
    }
}

/// Finds the files that `[NAME=]PATH` means: one file, those of a folder, or those that a pattern (`*`, `?`, `[..]`,
/// `**`) matches. `~` is the folder `home`. A path that is there is never a pattern, and never has a name before it.
///
/// For a folder it is the split `train` if there are several. Hidden files (`.x`, `_x`) are left out, unless one is
/// named. Files of one name, those of a folder, and the shards of one set (`x-00000-of-00002`) are one source.
///
/// A file that is not there is returned as if it were, for who opens it to say so.
///
/// # Errors
/// [`Error::NotAFile`] for `-`; [`Error::NoFiles`] if a folder or a pattern has no data, or leaves open which;
/// [`Error::Io`] if a folder cannot be read.
pub fn find_files(given: &str, home: Option<&Path>) -> Result<Vec<FoundFiles>, Error> {
    let (name, path) = split_name(given);
    find_named(name, path, home)
}

/// Takes the name off `NAME=PATH`. A name may have `=` in it, as may a path: the first `=` before a path that is there
/// ends the name, or else the first one.
fn split_name(given: &str) -> (Option<&str>, &str) {
    if Path::new(given).exists() {
        return (None, given);
    }
    let splits = || given.match_indices('=').map(|(at, _)| (&given[..at], &given[at + 1..]));
    let there = splits().find(|(_, path)| Path::new(path).exists());
    // A name has no slash; that is for who opens the file to say.
    match there.or_else(|| splits().next().filter(|(name, _)| !name.contains(['/', '\\']))) {
        Some((name, path)) => (Some(name), path),
        None => (None, given),
    }
}

/// [`find_files`], with the name apart from the path.
fn find_named(name: Option<&str>, path: &str, home: Option<&Path>) -> Result<Vec<FoundFiles>, Error> {
    if path == "-" {
        return Err(Error::NotAFile { path: path.into(), is_folder: false });
    }
    let path = match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) if !Path::new(path).exists() => home.join(rest),
        _ => path.into(),
    };
    let mut found = match path.to_str().filter(|text| !path.exists() && text.contains(['*', '?', '['])) {
        Some(pattern) => matching(pattern)?,
        None => vec![found_at(path)?],
    };
    if let Some(name) = name {
        for one in &mut found {
            name.clone_into(&mut one.source);
            one.set = format!("named {name}");
        }
    }
    Ok(found)
}

fn found_at(path: PathBuf) -> Result<FoundFiles, Error> {
    if path.is_dir() { folder::found_in(&path) } else { Ok(FoundFiles::file(path)) }
}

/// The files and folders that a pattern matches, in the order of their names.
fn matching(pattern: &str) -> Result<Vec<FoundFiles>, Error> {
    let fail = |reason: String| Error::NoFiles { path: pattern.into(), reason };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let entries = glob::glob_with(pattern, options)
        .map_err(|error| fail(format!("expected a pattern of file names, found a mistake in it: {error}")))?;
    let mut found = Vec::new();
    for path in entries {
        let path = path.map_err(|error| Error::Io(error.into()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Marks such as `_SUCCESS`, unless they are asked for.
        let is_mark =
            name.starts_with('_') && !pattern.rsplit('/').next().is_some_and(|last| last.starts_with('_'));
        if !is_mark {
            found.push(found_at(path)?);
        }
    }
    if found.is_empty() {
        return Err(fail("expected files whose names match this pattern, found none".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, names: &[&str]) {
        for name in names {
            let path = dir.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
    }

    fn names(dir: &Path, found: &[FoundFiles]) -> Vec<(String, Vec<String>)> {
        let name = |path: &PathBuf| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
        found.iter().map(|one| (one.source.clone(), one.files.iter().map(name).collect())).collect()
    }

    fn find(dir: &Path, given: &str) -> Vec<(String, Vec<String>)> {
        names(dir, &find_files(&format!("{}/{given}", dir.display()), None).unwrap())
    }

    fn one(source: &str, files: &[&str]) -> (String, Vec<String>) {
        (source.to_owned(), files.iter().map(|&file| file.to_owned()).collect())
    }

    #[test]
    fn names_may_have_equals_signs() {
        let temporary = tempfile::tempdir().unwrap();
        write(temporary.path(), &["x=1/a=b.jsonl"]);
        let path = temporary.path().join("x=1/a=b.jsonl");
        let path = path.to_str().unwrap();
        assert_eq!(split_name(path), (None, path));
        for name in ["pool", "a=b", "a=b=c"] {
            assert_eq!(split_name(&format!("{name}={path}")), (Some(name), path));
        }
        assert_eq!(split_name("a=b=none.jsonl"), (Some("a"), "b=none.jsonl"));
        assert_eq!(split_name("dir/x=1/none.jsonl"), (None, "dir/x=1/none.jsonl"));
    }

    #[test]
    fn files_patterns_and_folders() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        write(dir, &["a.b.jsonl", "c.jsonl", ".d.jsonl", "_e.jsonl", "n=1.jsonl", "x[1].jsonl", "x1.jsonl"]);
        write(dir, &["set/train.jsonl", "set/test.jsonl", "set/README.md"]);
        assert_eq!(find(dir, "a.b.jsonl"), [one("a.b", &["a.b.jsonl"])]);
        assert_eq!(find(dir, "n=1.jsonl"), [one("n=1", &["n=1.jsonl"])]);
        assert_eq!(find(dir, "x[1].jsonl"), [one("x[1]", &["x[1].jsonl"])], "what is there is no pattern");
        assert_eq!(find(dir, "[ac].*l"), [one("a.b", &["a.b.jsonl"]), one("c", &["c.jsonl"])]);
        assert_eq!(find(dir, "*c.jsonl"), [one("c", &["c.jsonl"])]);
        assert_eq!(find(dir, "*.jsonl").len(), 5, "hidden files are left out");
        assert_eq!(find(dir, "_*"), [one("_e", &["_e.jsonl"])]);
        assert_eq!(find(dir, "set"), [one("set", &["set/train.jsonl"])]);
        assert_eq!(find(dir, "s*"), [one("set", &["set/train.jsonl"])]);
        assert_eq!(
            find(dir, "none.jsonl"),
            [one("none", &["none.jsonl"])],
            "who opens it says that it is not there"
        );
        let error = find_files(&format!("{}/none*", dir.display()), None).unwrap_err().to_string();
        assert!(error.contains("none*") && error.contains("match this pattern"), "{error}");
    }

    #[test]
    fn names_before_paths() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        write(dir, &["a.jsonl", "b.jsonl", "p=q/c.parquet"]);
        let found = find_files(&format!("mine={}/*.jsonl", dir.display()), None).unwrap();
        assert_eq!(names(dir, &found), [one("mine", &["a.jsonl"]), one("mine", &["b.jsonl"])]);
        assert!(found.iter().all(|one| one.set == "named mine"));
        assert_eq!(find(dir, "p=q/*.parquet"), [one("c", &["p=q/c.parquet"])], "a name has no slash");
        let found = find_files("mine=~/a.jsonl", Some(dir)).unwrap();
        assert_eq!(names(dir, &found), [one("mine", &["a.jsonl"])]);
        let there = dir.join("a.jsonl");
        assert_eq!(find_files(&format!("../evil={}", there.display()), None).unwrap()[0].source, "../evil");
        for (given, source) in
            [("x=y={}/p=q/c.parquet", "x=y"), ("x={}/p=q/c.parquet", "x"), ("x=y={}/no", "x")]
        {
            let given = given.replace("{}", &dir.display().to_string());
            assert_eq!(find_files(&given, None).unwrap()[0].source, source);
        }
        assert!(matches!(find_files("-", None), Err(Error::NotAFile { .. })));
    }

    #[test]
    fn shards_are_one_set() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        write(
            dir,
            &[
                "x/train-00000-of-00002.parquet",
                "x/train-00001-of-00002.parquet",
                "y/train-00000-of-00002.parquet",
            ],
        );
        let found = find_files(&format!("{}/*/train-*.parquet", dir.display()), None).unwrap();
        assert!(found.iter().all(|one| one.source == "train"));
        assert!(found[0].set == found[1].set && found[1].set != found[2].set);
    }
}
