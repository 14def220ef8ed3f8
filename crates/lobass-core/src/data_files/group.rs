//! Which set, configuration, and split a file belongs to, as far as its name tells it.

use std::collections::BTreeMap;

use super::TRAIN;

/// Endings of files that lobass reads, with or without `.gz` or `.zst` behind them (texts only).
const READ: [&str; 8] = ["json", "jsonl", "ndjson", "parquet", "arrow", "feather", "csv", "tsv"];
/// Those that are read only where nothing else is: beside data they are mostly lists and results.
const TABLES: [&str; 2] = ["csv", "tsv"];
/// Those that are never packed.
const NEVER_PACKED: [&str; 3] = ["parquet", "arrow", "feather"];
/// Names that look like data and are not.
const NOT_DATA: [&str; 5] =
    ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"];
/// Files that belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileGroup {
    /// The folders that name no split: mostly none, or the configuration.
    pub config: String,
    /// `train`, or another; without a name of a split, `train` as well, as `datasets` has it.
    pub split: String,
    /// The ending of their names.
    pub ending: &'static str,
    /// Whether the name of a file or folder says the split, or a data card.
    pub is_named: bool,
}

impl FileGroup {
    /// The group of a file; `None` if it is no data.
    pub(super) fn of(name: &str) -> Option<Self> {
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
        let is_named = split.is_some();
        let split = split.unwrap_or_else(|| TRAIN.to_owned());
        Some(Self { config: config.join("/"), split, ending, is_named })
    }

    pub(super) fn is_table(&self) -> bool {
        TABLES.contains(&self.ending)
    }
}

/// A file's name without its ending, and what it ends in.
pub(super) fn ending_of(file: &str) -> Option<(&str, &'static str)> {
    let packed = file.strip_suffix(".gz").or(file.strip_suffix(".zst"));
    let (stem, ending) = packed.unwrap_or(file).rsplit_once('.')?;
    let ending = READ.into_iter().find(|known| ending.eq_ignore_ascii_case(known))?;
    (packed.is_none() || !NEVER_PACKED.contains(&ending)).then_some((stem, ending))
}

/// The split that a file's name tells: all before `-00000-of-00001`, or a word that splits are called by. Digits end a
/// word, as in `datasets`: `test1` is a test.
fn split_of(stem: &str) -> Option<String> {
    if let Some((split, _)) = numbered(stem) {
        return Some(split.to_owned());
    }
    stem.split(|c: char| !c.is_alphabetic()).find_map(keyword).map(str::to_owned)
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

/// Whether a numbered set lacks some of its files.
pub fn lacks_parts(files: &[&str]) -> bool {
    !missing_parts(files).is_empty()
}

/// Numbered sets that lack some of their files: the name, how many there are, and how many there should be.
pub fn missing_parts<'a>(files: &[&'a str]) -> Vec<(&'a str, u32, u32)> {
    let mut parts: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(file);
        if let Some((split, total)) = ending_of(name).and_then(|(stem, _)| numbered(stem)) {
            *parts.entry((split, total)).or_default() += 1;
        }
    }
    let lacking = parts.into_iter().filter(|((_, total), found)| found < total);
    lacking.map(|((name, total), found)| (name, found, total)).collect()
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
