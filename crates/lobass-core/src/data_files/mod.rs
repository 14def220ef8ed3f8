//! Which files of a folder are data, and which belong together: as a data card says, or as their names tell it.
//!
//! The rules are those of `datasets` for the files of a repository, so that a folder is read alike on disk and on the
//! hub.

mod card;
mod group;

use std::collections::{BTreeMap, BTreeSet};

pub use card::DataCard;
pub use group::{FileGroup, lacks_parts, missing_parts, set_name};

/// The default split.
pub const TRAIN: &str = "train";

/// How many of many names a message shows.
const SHOWN: usize = 5;

/// Files by what they belong to.
pub type FileGroups<'a> = BTreeMap<FileGroup, Vec<&'a str>>;

/// The chosen files, and what was not chosen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChosenFiles<'a> {
    /// The files of one split, by name.
    pub files: Vec<&'a str>,
    /// The other splits, and the other configurations of a data card.
    pub left_out: Vec<String>,
    /// Other files that look like data: tables (CSV, TSV) beside other data, files that are in no split beside those of
    /// `train`, and files that a data card does not name.
    pub others: Vec<&'a str>,
}

impl ChosenFiles<'_> {
    /// What was not chosen, for a message: all splits, and the first of the other files.
    pub fn not_chosen(&self) -> Vec<String> {
        let shown = if self.others.len() > SHOWN + 1 { SHOWN } else { self.others.len() };
        let others = self.others[..shown].iter().map(|&name| name.to_owned());
        let more = self.others.len() - shown;
        let more = (more > 0).then(|| format!("{more} more files"));
        self.left_out.iter().cloned().chain(others).chain(more).collect()
    }
}

/// Why no files were chosen.
#[derive(Debug, PartialEq, Eq)]
pub enum UnclearFiles<'a> {
    /// Several groups, or none.
    Groups(FileGroups<'a>),
    /// A data card names files, and no file has such a name.
    NotThere {
        /// What the card names.
        pattern: String,
    },
}

/// Chooses the data files of one split among the files in a folder: `train`, if there are several. Names are paths
/// with slashes, from the folder on. `card` is what the folder's `README.md` says of them.
///
/// # Errors
/// All groups, if there are several configurations and no default one, several splits and none called `train`, one
/// split in several formats, or no data at all. [`UnclearFiles::NotThere`] for files that only the card has.
pub fn choose_files<'a>(
    names: impl IntoIterator<Item = &'a str>,
    card: &DataCard,
) -> Result<ChosenFiles<'a>, UnclearFiles<'a>> {
    let names: Vec<&str> = names.into_iter().collect();
    let mut chosen = ChosenFiles::default();
    let mut groups = match card.groups(&names, &mut chosen)? {
        Some(groups) => groups,
        None => by_name(&names),
    };
    leave_out(&mut groups, &mut chosen);
    let configs: BTreeSet<&str> = groups.keys().map(|group| group.config.as_str()).collect();
    let splits: BTreeSet<&str> = groups.keys().map(|group| group.split.as_str()).collect();
    let split = match splits.len() {
        1 => splits.first().copied(),
        _ => splits.get(TRAIN).copied(),
    };
    let of_split: Vec<&FileGroup> =
        groups.keys().filter(|group| Some(group.split.as_str()) == split).collect();
    let ([group], 1) = (of_split.as_slice(), configs.len()) else { return Err(UnclearFiles::Groups(groups)) };
    chosen.files.clone_from(&groups[*group]);
    chosen.files.sort_unstable();
    let other_splits = splits.iter().filter(|name| Some(**name) != split).map(|&name| name.to_owned());
    chosen.left_out.extend(other_splits);
    Ok(chosen)
}

fn by_name<'a>(names: &[&'a str]) -> FileGroups<'a> {
    let mut groups = FileGroups::new();
    for &name in names {
        if let Some(group) = FileGroup::of(name) {
            groups.entry(group).or_default().push(name);
        }
    }
    groups
}

/// Takes out tables beside other data, and files without a split beside those that are called `train`.
fn leave_out<'a>(groups: &mut FileGroups<'a>, chosen: &mut ChosenFiles<'a>) {
    let only_tables = groups.keys().all(FileGroup::is_table);
    let has_train = groups.keys().any(|group| group.is_named && group.split == TRAIN);
    groups.retain(|group, files| {
        let is_in = (only_tables || !group.is_table()) && (!has_train || group.is_named);
        if !is_in {
            chosen.others.append(files);
        }
        is_in
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], files: &[&str], left_out: &[&str]) {
        let found = choose_files(names.iter().copied(), &DataCard::default()).unwrap();
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
    fn digits_end_the_name_of_a_split() {
        check(&["train1.jsonl", "test1.jsonl", "gsm_test2024.jsonl"], &["train1.jsonl"], &["test"]);
        check(&["trainer.jsonl", "contest.jsonl"], &["contest.jsonl", "trainer.jsonl"], &[]);
    }

    #[test]
    fn files_without_a_split_are_no_part_of_train() {
        let others = |names: [&'static str; 3]| {
            let found = choose_files(names, &DataCard::default()).unwrap();
            (found.files, found.others)
        };
        assert_eq!(
            others(["train.jsonl", "extra.jsonl", "test.jsonl"]),
            (vec!["train.jsonl"], vec!["extra.jsonl"])
        );
        // Without a file that is called so, they are what there is to train on.
        assert_eq!(
            others(["alpaca.jsonl", "more.jsonl", "eval.jsonl"]),
            (vec!["alpaca.jsonl", "more.jsonl"], vec![])
        );
    }

    #[test]
    fn what_is_no_data_is_left_out() {
        check(&["._a.parquet", "a.parquet", "_SUCCESS", ".part-0.parquet.crc"], &["a.parquet"], &[]);
        check(&["_temporary/0/a.jsonl", ".cache/b.jsonl", "c.jsonl"], &["c.jsonl"], &[]);
        check(&["data-00000-of-00001.arrow", "cache-1f2e.arrow"], &["data-00000-of-00001.arrow"], &[]);
        let found = choose_files(["a.jsonl", "results.csv"], &DataCard::default()).unwrap();
        assert_eq!((found.files, found.others), (vec!["a.jsonl"], vec!["results.csv"]));
        check(&["a.csv", "b.csv"], &["a.csv", "b.csv"], &[]);
    }

    #[test]
    fn partitions_are_one_set() {
        let files = ["lang=en/part-0.parquet", "lang=fr/part-0.parquet"];
        check(&files, &files, &[]);
        check(
            &["split=x/a.parquet", "split=y/lang=en/a.parquet"],
            &["split=x/a.parquet", "split=y/lang=en/a.parquet"],
            &[],
        );
    }

    #[test]
    fn what_is_not_clear_is_told_in_groups() {
        let groups = |names: &[&str]| match choose_files(names.iter().copied(), &DataCard::default()) {
            Err(UnclearFiles::Groups(groups)) => groups.len(),
            other => panic!("{other:?}"),
        };
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
        assert_eq!(missing_parts(&["data/train-00001-of-00002.parquet"]), [("train", 1, 2)]);
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
