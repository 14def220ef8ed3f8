//! The data files of a folder.

use std::path::Path;

use lobass_core::{DataCard, FileGroup, FileGroups, UnclearFiles, choose_files, missing_parts};

use super::{FoundFiles, saved};
use crate::Error;

/// Folders in folders that are looked at.
const MAX_DEPTH: usize = 16;
/// Names that a message shows.
const SHOWN: usize = 8;

/// The files of a folder: what a data set that was saved says, else its data card, else one split by the names of the
/// files.
pub(super) fn found_in(folder: &Path) -> Result<FoundFiles, Error> {
    let found = |files: Vec<String>, left_out| FoundFiles {
        source: name_of(folder),
        set: format!("folder {}", folder.display()),
        files: files.iter().map(|name| folder.join(name)).collect(),
        left_out,
    };
    if let Some(saved) = saved::read(folder)? {
        return Ok(found(saved.files, saved.left_out));
    }
    let mut names = Vec::new();
    list(folder, "", 0, &mut names)?;
    names.sort_unstable();
    match choose_files(names.iter().map(String::as_str), &card_of(folder)?) {
        Ok(chosen) => {
            let missing = missing_parts(&chosen.files).into_iter();
            let missing = missing.map(|(set, found, total)| {
                format!("{} of the {total} parts of {set}, which are not in the folder", total - found)
            });
            let left_out = chosen.not_chosen().into_iter().chain(missing).collect();
            Ok(found(chosen.files.into_iter().map(str::to_owned).collect(), left_out))
        }
        Err(UnclearFiles::Groups(groups)) => {
            Err(Error::NoFiles { path: folder.to_owned(), reason: unclear(folder, &groups, &names) })
        }
        Err(UnclearFiles::NotThere { pattern }) => Err(Error::NoFiles {
            path: folder.join(DataCard::FILE),
            reason: format!(
                "expected the files that its `configs` name, found none for `{pattern}`; mend it, or name the files"
            ),
        }),
    }
}

/// The head of the folder's `README.md`.
fn card_of(folder: &Path) -> Result<DataCard, Error> {
    let path = folder.join(DataCard::FILE);
    let text = if path.is_file() { fs_err::read(&path)? } else { Vec::new() };
    let text = String::from_utf8_lossy(&text);
    let Some(yaml) = DataCard::yaml(&text) else { return Ok(DataCard::default()) };
    serde_saphyr::from_str(yaml).map_err(|error| {
        let reason = format!("expected `configs` of a data set in its head, found a mistake: {error}");
        Error::NoFiles { path, reason }
    })
}

/// The name of a folder, also of `.` and `..`.
fn name_of(folder: &Path) -> String {
    let whole = || fs_err::canonicalize(folder).ok().and_then(|whole| Some(whole.file_name()?.to_owned()));
    let name = folder.file_name().map(ToOwned::to_owned).or_else(whole);
    name.map_or_else(|| "data".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// All files in a folder, as paths from it on with slashes.
fn list(folder: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> Result<(), Error> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Links count as what they lead to; the cache of the hub is made of them.
        let path = entry.path();
        if path.is_dir() {
            if !is_hidden && depth < MAX_DEPTH {
                list(&path, &format!("{name}/"), depth + 1, names)?;
            }
        } else {
            names.push(name);
        }
    }
    Ok(())
}

/// Why no files were chosen, with what there is to choose from.
fn unclear(folder: &Path, groups: &FileGroups<'_>, names: &[String]) -> String {
    if groups.is_empty() {
        let found = match names {
            [] => "an empty folder".to_owned(),
            names if names.len() <= SHOWN => format!("`{}`", names.join("`, `")),
            names => format!("`{}`, and {} more", names[..SHOWN].join("`, `"), names.len() - SHOWN),
        };
        return format!(
            "expected data files (.json, .jsonl, .csv, .tsv, .parquet, .arrow) in the folder, found {found}"
        );
    }
    let line = |(group, files): (&FileGroup, &Vec<&str>)| {
        let config = if group.config.is_empty() { String::new() } else { format!("`{}`, ", group.config) };
        let file = folder.join(files[0]);
        let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
        format!("\n  {config}split `{}`, {}: {}{more}", group.split, group.ending, file.display())
    };
    let lines: String = groups.iter().map(line).collect();
    format!(
        "expected one set of files in the folder, found several; name one by its files, its folder, or a pattern:{lines}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    fn files(dir: &Path) -> Result<(Vec<String>, Vec<String>), String> {
        let found = found_in(dir).map_err(|error| error.to_string())?;
        let name = |path: &std::path::PathBuf| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
        Ok((found.files.iter().map(name).collect(), found.left_out))
    }

    #[test]
    fn one_split_without_what_is_hidden() {
        let dir = folder(&[
            ("data/train-00000-of-00002.parquet", ""),
            ("data/train-00001-of-00002.parquet", ""),
            ("data/._train-00000-of-00002.parquet", ""),
            ("data/test-00000-of-00001.parquet", ""),
            (".git/x.jsonl", ""),
            ("README.md", ""),
            ("results.csv", ""),
        ]);
        let shards = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
        let expected =
            (shards.map(str::to_owned).to_vec(), vec!["test".to_owned(), "results.csv".to_owned()]);
        assert_eq!(files(dir.path()), Ok(expected));
        let dir = folder(&[("train-00000-of-00003.jsonl", ""), ("train-00002-of-00003.jsonl", "")]);
        let left_out = files(dir.path()).unwrap().1;
        assert_eq!(left_out, ["1 of the 3 parts of train, which are not in the folder"]);
    }

    #[test]
    fn saved_data_sets_say_what_belongs_to_them() {
        let state = r#"{"_data_files": [{"filename": "data-00000-of-00002.arrow"}, {"filename": "data-00001-of-00002.arrow"}]}"#;
        let shards =
            [("data-00000-of-00002.arrow", ""), ("data-00001-of-00002.arrow", ""), ("cache-12.arrow", "")];
        let dir = folder(&[&shards[..], &[("state.json", state), ("dataset_info.json", "{}")]].concat());
        let names = vec!["data-00000-of-00002.arrow".to_owned(), "data-00001-of-00002.arrow".to_owned()];
        assert_eq!(files(dir.path()), Ok((names, Vec::new())));

        let state = r#"{"_data_files": [{"filename": "dataset.arrow"}]}"#;
        let dir = folder(&[
            ("dataset_dict.json", r#"{"splits": ["train", "test"]}"#),
            ("train/state.json", state),
            ("train/dataset.arrow", ""),
            ("test/state.json", state),
        ]);
        assert_eq!(files(dir.path()), Ok((vec!["train/dataset.arrow".to_owned()], vec!["test".to_owned()])));

        let dir = folder(&[("dataset_dict.json", r#"{"splits": ["a", "b"]}"#)]);
        assert!(files(dir.path()).unwrap_err().contains("`a`, `b`"));
        let dir = folder(&[("state.json", r#"{"_data_files": [{"filename": "../x.arrow"}]}"#)]);
        assert!(files(dir.path()).unwrap_err().contains("`../x.arrow`"));
        let dir = folder(&[(
            "state.json",
            r#"{"_data_files": [{"filename": "x.arrow"}], "_indices_data_files": [{"filename": "i.arrow"}]}"#,
        )]);
        assert!(files(dir.path()).unwrap_err().contains("save it again"));
    }

    #[test]
    fn a_data_card_says_what_belongs_to_a_split() {
        let of = |head: &str| {
            let readme =
                format!("---\nlicense: mit\nconfigs:\n- config_name: default\n{head}\n---\n# Data\n");
            let dir = folder(&[("README.md", &readme), ("a.jsonl", ""), ("b.jsonl", ""), ("c.jsonl", "")]);
            files(dir.path())
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            of(
                "  data_files:\n  - split: train\n    path: a.jsonl\n  - split: test\n    path:\n    - \"b*\""
            ),
            Ok((names(&["a.jsonl"]), names(&["test", "c.jsonl"])))
        );
        assert_eq!(
            of("  data_files: [a.jsonl, c.jsonl]"),
            Ok((names(&["a.jsonl", "c.jsonl"]), names(&["b.jsonl"])))
        );
        let error = of("  data_files: d.jsonl").unwrap_err();
        assert!(error.contains("README.md") && error.contains("`d.jsonl`"), "{error}");
        let error = of("  data_files: 5").unwrap_err();
        assert!(error.contains("README.md") && error.contains("`configs`"), "{error}");
    }

    #[test]
    fn what_is_not_clear_is_listed() {
        let dir = folder(&[("a/train.jsonl", ""), ("b/train.jsonl", "")]);
        let error = files(dir.path()).unwrap_err();
        assert!(error.contains("a/train.jsonl") && error.contains("b/train.jsonl"), "{error}");
        let dir = folder(&[("notes.txt", "")]);
        assert!(files(dir.path()).unwrap_err().contains("found `notes.txt`"));
    }
}
