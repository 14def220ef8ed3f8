//! Which files of a folder are data, and which belong together, as far as their names tell it.
//!
//! The rules are those of `datasets` for the files of a repository, so that a folder is read alike on disk and on the
//! hub.

use std::collections::{BTreeMap, BTreeSet};

/// Endings of files that lobass reads, with or without `.gz` or `.zst` behind them (texts only).
const READ: [&str; 8] = ["json", "jsonl", "ndjson", "parquet", "arrow", "feather", "csv", "tsv"];
/// Those that are read only where nothing else is: beside data they are mostly lists and results.
const TABLES: [&str; 2] = ["csv", "tsv"];
/// Those that are never packed.
const NEVER_PACKED: [&str; 3] = ["parquet", "arrow", "feather"];
/// Names that look like data and are not.
const NOT_DATA: [&str; 5] =
    ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"];
/// The default split.
pub const TRAIN: &str = "train";

/// Files that belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileGroup {
    /// The folders that name no split: mostly none, or the configuration.
    pub config: String,
    /// `train`, or another; without a name of a split, `train` as well, as `datasets` has it.
    pub split: String,
    /// The ending of their names.
    pub ending: &'static str,
}

/// The chosen files, and what was not chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct ChosenFiles<'a> {
    /// The files of one split, by name.
    pub files: Vec<&'a str>,
    /// The other splits.
    pub left_out: Vec<String>,
    /// Tables (CSV, TSV) beside other data.
    pub tables: Vec<&'a str>,
}

/// Chooses the data files of one split among the files in a folder: `train`, if there are several. Names are paths
/// with slashes, from the folder on.
///
/// # Errors
/// All groups, if there are several configurations, several splits and none called `train`, one split in several
/// formats, or no data at all.
pub fn choose_files<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<ChosenFiles<'a>, BTreeMap<FileGroup, Vec<&'a str>>> {
    let mut groups: BTreeMap<FileGroup, Vec<&'a str>> = BTreeMap::new();
    for name in names {
        if let Some(group) = FileGroup::of(name) {
            groups.entry(group).or_default().push(name);
        }
    }
    let is_table = |group: &FileGroup| TABLES.contains(&group.ending);
    let mut tables = Vec::new();
    if groups.keys().any(|group| !is_table(group)) {
        tables =
            groups.iter().filter(|(group, _)| is_table(group)).flat_map(|(_, files)| files.clone()).collect();
        groups.retain(|group, _| !is_table(group));
    }
    let configs: BTreeSet<&str> = groups.keys().map(|group| group.config.as_str()).collect();
    let splits: BTreeSet<&str> = groups.keys().map(|group| group.split.as_str()).collect();
    let split = match splits.len() {
        1 => splits.first().copied(),
        _ => splits.get(TRAIN).copied(),
    };
    let chosen: Vec<&FileGroup> = groups.keys().filter(|group| Some(group.split.as_str()) == split).collect();
    let ([group], 1) = (chosen.as_slice(), configs.len()) else { return Err(groups) };
    let mut files = groups[*group].clone();
    files.sort_unstable();
    let left_out = splits.iter().filter(|name| Some(**name) != split).map(|&name| name.to_owned()).collect();
    Ok(ChosenFiles { files, left_out, tables })
}

impl FileGroup {
    /// The group of a file; `None` if it is no data.
    fn of(name: &str) -> Option<Self> {
        let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
        let is_hidden = name.split('/').any(|part| part.starts_with(['.', '_']));
        if is_hidden || NOT_DATA.contains(&file) {
            return None;
        }
        let (stem, ending) = ending_of(file)?;
        if ending == "arrow" && (stem.starts_with("cache-") || stem.starts_with("tmp")) {
            return None; // what `datasets` keeps of earlier computations
        }
        let mut split = split_of(stem);
        let mut config = Vec::new();
        // Folders such as `lang=en` are columns.
        let parts =
            folders.split('/').filter(|part| !part.is_empty() && *part != "data" && !part.contains('='));
        for part in parts {
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
    let ending = READ.into_iter().find(|known| ending.eq_ignore_ascii_case(known))?;
    (packed.is_none() || !NEVER_PACKED.contains(&ending)).then_some((stem, ending))
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

/// Whether all files of a numbered set are there.
pub fn lacks_parts(files: &[&str]) -> bool {
    let mut parts: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(file);
        if let Some((split, total)) = ending_of(name).and_then(|(stem, _)| numbered(stem)) {
            *parts.entry((split, total)).or_default() += 1;
        }
    }
    parts.iter().any(|((_, total), found)| found < total)
}

/// The name of a file without the endings for its format and without the number of a shard. The second value tells
/// whether it is one of several shards.
pub fn set_name(file: &str) -> (&str, bool) {
    let packed = [".gz", ".zst"].iter().find_map(|ending| file.strip_suffix(ending));
    let stem = match ending_of(file) {
        Some((stem, _)) => stem,
        None => packed.unwrap_or(file),
    };
    let stem = if stem.is_empty() { file } else { stem };
    numbered(stem).map_or((stem, false), |(set, total)| (set, total > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], files: &[&str], left_out: &[&str]) {
        let found = choose_files(names.iter().copied()).unwrap();
        assert_eq!(
            (found.files.as_slice(), found.left_out),
            (files, left_out.iter().map(|&n| n.to_owned()).collect())
        );
    }

    #[test]
    fn one_split_of_one_configuration() {
        check(&["README.md", "alpaca.json", ".gitattributes", "dataset_infos.json"], &["alpaca.json"], &[]);
        check(&["train.jsonl", "test.jsonl"], &["train.jsonl"], &["test"]);
        check(&["b.jsonl.gz", "a.jsonl.gz"], &["a.jsonl.gz", "b.jsonl.gz"], &[]);
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
    fn what_is_no_data_is_left_out() {
        check(&["._a.parquet", "a.parquet", "_SUCCESS", ".part-0.parquet.crc"], &["a.parquet"], &[]);
        check(&["_temporary/0/a.jsonl", ".cache/b.jsonl", "c.jsonl"], &["c.jsonl"], &[]);
        check(&["data-00000-of-00001.arrow", "cache-1f2e.arrow"], &["data-00000-of-00001.arrow"], &[]);
        let found = choose_files(["a.jsonl", "results.csv"]).unwrap();
        assert_eq!((found.files, found.tables), (vec!["a.jsonl"], vec!["results.csv"]));
        check(&["a.csv", "b.csv"], &["a.csv", "b.csv"], &[]);
    }

    #[test]
    fn partitions_are_one_set() {
        let files = ["lang=en/part-0.parquet", "lang=fr/part-0.parquet"];
        check(&files, &files, &[]);
        check(
            &["split=x/a.parquet", "train/lang=en/a.parquet"],
            &["split=x/a.parquet", "train/lang=en/a.parquet"],
            &[],
        );
    }

    #[test]
    fn what_is_not_clear_is_told_in_groups() {
        let groups = |names: &[&str]| choose_files(names.iter().copied()).unwrap_err().len();
        assert_eq!(
            groups(&["main/train-00000-of-00001.parquet", "socratic/train-00000-of-00001.parquet"]),
            2
        );
        assert_eq!(groups(&["train.jsonl", "train.parquet"]), 2);
        assert_eq!(groups(&["test.jsonl", "dev.jsonl"]), 2);
        assert_eq!(groups(&["README.md"]), 0);
    }

    #[test]
    fn parts_that_are_missing() {
        assert!(lacks_parts(&["data/train-00000-of-00002.parquet"]));
        assert!(!lacks_parts(&["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]));
        assert!(!lacks_parts(&["train.jsonl"]));
    }

    #[test]
    fn names_without_endings() {
        for (file, name) in [
            ("qwen2.5-mix.jsonl.gz", ("qwen2.5-mix", false)),
            ("pool.JSON", ("pool", false)),
            ("a.b.parquet", ("a.b", false)),
            ("v1.2", ("v1.2", false)),
            ("notes.txt.zst", ("notes.txt", false)),
            ("train-00000-of-00002.parquet", ("train", true)),
            ("train-00000-of-00001.parquet", ("train", false)),
            (".jsonl", (".jsonl", false)),
        ] {
            assert_eq!(set_name(file), name, "{file}");
        }
    }
}
