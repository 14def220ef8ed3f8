//! Of a data set: the files of one split, as far as their names tell it.

use std::collections::{BTreeMap, BTreeSet};

use super::some;
use crate::address::DataAddress;
use crate::{Error, RepoId};

/// The chosen files, and the splits that were not chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked<'a> {
    pub(crate) files: Vec<&'a str>,
    pub(crate) left_out: Vec<String>,
}

/// What lobass reads, with or without `.gz` or `.zst` behind it (Parquet: without).
const READ: [&str; 4] = ["json", "jsonl", "ndjson", "parquet"];
/// Names that look like data and are not.
const NOT_DATA: [&str; 5] =
    ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"];

/// Chooses the file at a path, or the data files of one split in a folder: `train`, if there are several.
///
/// # Errors
/// [`Error::NoFile`] if there is nothing at the path, or nothing that can be read; [`Error::Ambiguous`] if there are
/// several configurations, several splits and none called `train`, or one split in several formats.
pub(crate) fn pick<'a>(address: &DataAddress, names: &[&'a str]) -> Result<Picked<'a>, Error> {
    let repo = address.repo();
    let path = address.path().unwrap_or_default();
    if let Some(file) = names.iter().find(|name| **name == path) {
        return Ok(Picked { files: vec![file], left_out: Vec::new() });
    }
    let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
    let inside: Vec<&str> = names.iter().copied().filter(|name| name.starts_with(&folder)).collect();
    let missing =
        |file: &str, found: String| Error::NoFile { repo: repo.clone(), file: file.to_owned(), found };
    if inside.is_empty() && !path.is_empty() {
        return Err(missing(path, some(names)));
    }
    let mut groups: BTreeMap<Group, Vec<&'a str>> = BTreeMap::new();
    for name in inside.iter().copied() {
        if let Some(group) = Group::of(name, &folder) {
            groups.entry(group).or_default().push(name);
        }
    }
    if groups.is_empty() {
        return Err(missing("*.json, *.jsonl, or *.parquet", some(&inside)));
    }
    let configs: BTreeSet<&str> = groups.keys().map(|group| group.config.as_str()).collect();
    let splits: BTreeSet<&str> = groups.keys().map(|group| group.split.as_str()).collect();
    let split = match splits.len() {
        1 => splits.first().copied(),
        _ => splits.get(TRAIN).copied(),
    };
    let chosen: Vec<&Group> = groups.keys().filter(|group| Some(group.split.as_str()) == split).collect();
    let ([group], 1) = (chosen.as_slice(), configs.len()) else {
        return Err(Error::Ambiguous { repo: repo.clone(), found: choices(repo, &groups) });
    };
    let files = groups[*group].clone();
    let left_out =
        splits.iter().filter(|name| Some(**name) != split).map(|name| (*name).to_owned()).collect();
    Ok(Picked { files, left_out })
}

const TRAIN: &str = "train";

/// Files that belong together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    /// The folders that name no split: mostly none, or the configuration.
    config: String,
    /// `train`, or another; without a name of a split, `train` as well, as `datasets` has it.
    split: String,
    ending: &'static str,
}

impl Group {
    /// The group of a file in a folder; `None` if it is no data.
    fn of(name: &str, folder: &str) -> Option<Self> {
        let rest = name.strip_prefix(folder)?;
        let (folders, file) = rest.rsplit_once('/').unwrap_or(("", rest));
        if file.starts_with(['.', '_']) || NOT_DATA.contains(&file) {
            return None;
        }
        let (stem, ending) = ending_of(file)?;
        let mut split = split_of(stem);
        let mut config = Vec::new();
        for part in folders.split('/').filter(|part| !part.is_empty() && *part != "data") {
            match keyword(part) {
                Some(found) if split.is_none() => split = Some(found.to_owned()),
                Some(_) => {}
                None => config.push(part),
            }
        }
        let split = split.unwrap_or_else(|| TRAIN.to_owned());
        Some(Self { config: config.join("/"), split, ending })
    }
}

/// A file's name without its ending, and what it ends in.
fn ending_of(file: &str) -> Option<(&str, &'static str)> {
    let packed = file.strip_suffix(".gz").or(file.strip_suffix(".zst"));
    let (stem, ending) = packed.unwrap_or(file).rsplit_once('.')?;
    let ending = READ.into_iter().find(|known| *known == ending)?;
    (packed.is_none() || ending != "parquet").then_some((stem, ending))
}

/// The split that a file's name tells: all before `-00000-of-00001`, or a word that splits are called by.
fn split_of(stem: &str) -> Option<String> {
    if let Some((split, _)) = numbered(stem) {
        return Some(split.to_owned());
    }
    stem.split(|c: char| !c.is_ascii_alphanumeric()).find_map(keyword).map(str::to_owned)
}

/// `SPLIT-00000-of-00002`, perhaps with a hash behind it: the split, and of how many files it is.
fn numbered(stem: &str) -> Option<(&str, u32)> {
    let (before, after) = stem.split_once("-of-")?;
    let (split, number) = before.rsplit_once('-')?;
    let digits = |text: &str| text.len() == 5 && text.chars().all(|c| c.is_ascii_digit());
    let total = after.split('-').next()?;
    (digits(number) && digits(total) && !split.is_empty()).then_some((split, total.parse().ok()?))
}

fn keyword(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(TRAIN),
        "test" | "testing" | "eval" | "evaluation" => Some("test"),
        "valid" | "validation" | "val" | "dev" => Some("validation"),
        _ => None,
    }
}

/// Whether files that say of how many they are, are all there.
pub(crate) fn lacks_parts(files: &[&str]) -> bool {
    let mut parts: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(file);
        if let Some((split, total)) = ending_of(name).and_then(|(stem, _)| numbered(stem)) {
            *parts.entry((split, total)).or_default() += 1;
        }
    }
    parts.iter().any(|((_, total), found)| found < total)
}

/// A line for each group: how many files, and an address that means them.
fn choices(repo: &RepoId, groups: &BTreeMap<Group, Vec<&str>>) -> String {
    let line = |(group, files): (&Group, &Vec<&str>)| {
        let config =
            if group.config.is_empty() { String::new() } else { format!("config `{}`, ", group.config) };
        let files = match files.as_slice() {
            [file] => DataAddress::of(repo, file).to_string(),
            files => format!("{} files, the first {}", files.len(), DataAddress::of(repo, files[0])),
        };
        format!("\n  {config}split `{}`, {}: {files}", group.split, group.ending)
    };
    groups.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked<'a>(address: &str, names: &[&'a str]) -> Result<Picked<'a>, Error> {
        pick(&address.parse().unwrap(), names)
    }

    #[track_caller]
    fn check(names: &[&str], files: &[&str], left_out: &[&str]) {
        let found = picked("hf://datasets/org/set", names).unwrap();
        assert_eq!(
            (found.files.as_slice(), found.left_out),
            (files, left_out.iter().map(|&n| n.to_owned()).collect())
        );
    }

    #[test]
    fn one_split_of_one_configuration() {
        check(&["README.md", "alpaca.json", ".gitattributes", "dataset_infos.json"], &["alpaca.json"], &[]);
        check(&["train.jsonl", "test.jsonl"], &["train.jsonl"], &["test"]);
        check(&["a.jsonl.gz", "b.jsonl.gz"], &["a.jsonl.gz", "b.jsonl.gz"], &[]);
        let shards = ["data/train-00000-of-00002-0ab.parquet", "data/train-00001-of-00002-9cd.parquet"];
        check(&[shards[0], shards[1], "data/test-00000-of-00001.parquet"], &shards, &["test"]);
        check(
            &["default/train/0000.parquet", "default/test/0000.parquet"],
            &["default/train/0000.parquet"],
            &["test"],
        );
        check(&["my_dev_set.json"], &["my_dev_set.json"], &[]);
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
        let error = picked("hf://datasets/org/set", &["a.csv"]).unwrap_err().to_string();
        assert!(error.contains("*.jsonl") && error.contains("`a.csv`"), "{error}");
    }

    #[test]
    fn parts_that_are_missing() {
        assert!(lacks_parts(&["data/train-00000-of-00002.parquet"]));
        assert!(!lacks_parts(&["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]));
        assert!(!lacks_parts(&["train.jsonl"]));
    }
}
