//! The files of a data set: those of one split, as its data card says, or recognized by their names.

use lobass_core::{DataCard, FileGroup, FileGroups, UnclearFiles, choose_files};

use super::some;
use crate::address::DataAddress;
use crate::{Error, RepoId};

/// The chosen files, and the splits and tables that were not chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked<'a> {
    pub(crate) files: Vec<&'a str>,
    pub(crate) left_out: Vec<String>,
}

/// Chooses the file at a path, or the data files of one split in a folder: `train`, if there are several. `card` is what
/// the repository's `README.md` says of its files.
///
/// # Errors
/// [`Error::NoFile`] if there is nothing at the path, or nothing that can be read; [`Error::Ambiguous`] if there are
/// several configurations, several splits and none called `train`, or one split in several formats; [`Error::Card`] if
/// the card names files that are not there.
pub(crate) fn pick<'a>(
    address: &DataAddress,
    names: &[&'a str],
    card: &DataCard,
) -> Result<Picked<'a>, Error> {
    let repo = address.repo();
    let path = address.path().unwrap_or_default();
    if let Some(file) = names.iter().find(|name| **name == path) {
        return Ok(Picked { files: vec![file], left_out: Vec::new() });
    }
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let inside: Vec<&'a str> = names.iter().filter_map(|name| name.strip_prefix(&folder)).collect();
    let missing =
        |file: &str, found: String| Error::NoFile { repo: repo.clone(), file: file.to_owned(), found };
    if inside.is_empty() && !path.is_empty() {
        return Err(missing(path, some(names)));
    }
    let whole = |rest: &str| names.iter().copied().find(|name| name.strip_prefix(&folder) == Some(rest));
    match choose_files(inside.iter().copied(), card) {
        Ok(chosen) => Ok(Picked {
            left_out: chosen.not_chosen(),
            files: chosen.files.into_iter().filter_map(whole).collect(),
        }),
        Err(UnclearFiles::NotThere { pattern }) => Err(Error::Card {
            repo: repo.clone(),
            reason: format!("expected the files that its `configs` name, found none for `{pattern}`"),
        }),
        Err(UnclearFiles::Groups(groups)) if groups.is_empty() => {
            Err(missing("*.json, *.jsonl, *.parquet, *.arrow, *.csv, or *.tsv", some(&inside)))
        }
        Err(UnclearFiles::Groups(groups)) => {
            Err(Error::Ambiguous { repo: repo.clone(), found: choices(repo, &folder, &groups) })
        }
    }
}

/// The data card in a `README.md`; one that says nothing, if the text has none.
///
/// # Errors
/// [`Error::Card`] for a mistake in it.
pub(crate) fn card(repo: &RepoId, readme: &[u8]) -> Result<DataCard, Error> {
    let text = String::from_utf8_lossy(readme);
    let Some(yaml) = DataCard::yaml(&text) else { return Ok(DataCard::default()) };
    serde_saphyr::from_str(yaml).map_err(|error| Error::Card {
        repo: repo.clone(),
        reason: format!("expected `configs` of a data set in its head, found a mistake: {error}"),
    })
}

/// A line for each group: how many files, and an address that means them.
fn choices(repo: &RepoId, folder: &str, groups: &FileGroups<'_>) -> String {
    let address = |file: &str| DataAddress::of(repo, &format!("{folder}{file}"));
    let line = |(group, files): (&FileGroup, &Vec<&str>)| {
        let config =
            if group.config.is_empty() { String::new() } else { format!("config `{}`, ", group.config) };
        let files = match files.as_slice() {
            [file] => address(file).to_string(),
            files => format!("{} files, the first {}", files.len(), address(files[0])),
        };
        format!("\n  {config}split `{}`, {}: {files}", group.split, group.ending)
    };
    groups.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked<'a>(address: &str, names: &[&'a str]) -> Result<Picked<'a>, Error> {
        pick(&address.parse().unwrap(), names, &DataCard::default())
    }

    /// Which files belong to a split is a rule of `lobass-core`, and tested there.
    #[test]
    fn one_split_of_one_configuration() {
        let names =
            ["README.md", "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet", "x.csv"];
        let found = picked("hf://datasets/org/set", &names).unwrap();
        let left_out = ["test", "x.csv"].map(str::to_owned).to_vec();
        assert_eq!(found, Picked { files: vec![names[1]], left_out });
    }

    #[test]
    fn what_is_not_clear_is_listed() {
        let check = |names: &[&str], words: &[&str]| {
            let error = picked("hf://datasets/org/set", names).unwrap_err();
            let text = error.to_string();
            assert!(
                matches!(error, Error::Ambiguous { .. }) && words.iter().all(|word| text.contains(word)),
                "{text}"
            );
        };
        check(
            &["main/train-00000-of-00001.parquet", "socratic/train-00000-of-00001.parquet"],
            &[
                "config `main`",
                "config `socratic`",
                "hf://datasets/org/set/main/train-00000-of-00001.parquet",
            ],
        );
        check(
            &["data/train_sft-00000-of-00001.parquet", "data/train_gen-00000-of-00001.parquet"],
            &["split `train_sft`", "split `train_gen`"],
        );
        check(&["train.jsonl", "train.parquet"], &["jsonl: ", "parquet: "]);
        check(&["test.jsonl", "dev.jsonl"], &["split `test`", "split `validation`"]);
    }

    #[test]
    fn a_file_or_a_folder() {
        let names = ["main/train.jsonl", "main/test.jsonl", "other/train.jsonl", "notes.txt"];
        let file = picked("hf://datasets/org/set/main/test.jsonl", &names).unwrap();
        assert_eq!(file.files, ["main/test.jsonl"]);
        assert_eq!(picked("hf://datasets/org/set/main", &names).unwrap().files, ["main/train.jsonl"]);
        let error = picked("hf://datasets/org/set/mai", &names).unwrap_err().to_string();
        assert!(error.contains("expected `mai`") && error.contains("`main/train.jsonl`"), "{error}");
        assert_eq!(picked("hf://datasets/org/set", &["a.csv"]).unwrap().files, ["a.csv"]);
        let error = picked("hf://datasets/org/set", &["a.txt"]).unwrap_err().to_string();
        assert!(error.contains("*.jsonl") && error.contains("`a.txt`"), "{error}");
    }
}
