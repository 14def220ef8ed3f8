//! What a data card says of the files of a data set: the head of its `README.md`, as `datasets` and the hub read it.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use serde::Deserialize;

use super::group::ending_of;
use super::{ChosenFiles, FileGroup, FileGroups, TRAIN, UnclearFiles};

/// The configuration that is meant if no other is named.
const DEFAULT: &str = "default";

/// The `configs` in the YAML head of a `README.md`. One without entries says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DataCard {
    #[serde(default)]
    configs: Vec<Config>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Config {
    #[serde(default = "default_name")]
    config_name: String,
    #[serde(default)]
    default: bool,
    data_files: Option<Files>,
    data_dir: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Files {
    One(String),
    List(Vec<Entry>),
    Splits(BTreeMap<String, Paths>),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Entry {
    Path(String),
    Split { split: String, path: Paths },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    List(Vec<String>),
}

fn default_name() -> String {
    DEFAULT.to_owned()
}

impl DataCard {
    /// The name of the file that a data card is the head of.
    pub const FILE: &str = "README.md";

    /// The YAML of a data card, if a text begins with one that names configurations: all between two lines `---`.
    pub fn yaml(readme: &str) -> Option<&str> {
        let readme = readme.trim_start_matches('\u{feff}').trim_start();
        let rest = readme.strip_prefix("---")?;
        let rest = rest.strip_prefix('\r').unwrap_or(rest).strip_prefix('\n')?;
        let end = rest.find("\n---")?;
        Some(&rest[..end]).filter(|yaml| yaml.lines().any(|line| line.starts_with("configs:")))
    }

    /// The groups of the files that the card names, of the default configuration if it has one; `None` if it names no
    /// files. What is not in them goes to `chosen`.
    pub(super) fn groups<'a>(
        &self,
        names: &[&'a str],
        chosen: &mut ChosenFiles<'a>,
    ) -> Result<Option<FileGroups<'a>>, UnclearFiles<'a>> {
        let with_files = |config: &&Config| config.data_files.is_some() || config.data_dir.is_some();
        let mut configs: Vec<&Config> = self.configs.iter().filter(with_files).collect();
        if configs.is_empty() {
            return Ok(None);
        }
        let is_default = |config: &&&Config| config.default || config.config_name == DEFAULT;
        if let Some(&default) = configs.iter().find(is_default) {
            let others = configs.iter().filter(|config| config.config_name != default.config_name);
            chosen.left_out.extend(others.map(|config| config.config_name.clone()));
            configs = vec![default];
        }
        let mut groups = FileGroups::new();
        for config in configs {
            config.add_to(&mut groups, names)?;
        }
        let is_named = |name: &str| groups.values().any(|files| files.contains(&name));
        // Beside other configurations, further files are mostly theirs.
        if chosen.left_out.is_empty() {
            let others = names.iter().filter(|name| FileGroup::of(name).is_some() && !is_named(name));
            chosen.others.extend(others);
        }
        Ok(Some(groups))
    }
}

impl Config {
    fn add_to<'a>(&self, groups: &mut FileGroups<'a>, names: &[&'a str]) -> Result<(), UnclearFiles<'a>> {
        let folder = self.data_dir.as_deref().map_or(String::new(), |dir| {
            let dir = dir.trim_start_matches("./").trim_end_matches('/');
            if dir.is_empty() { String::new() } else { format!("{dir}/") }
        });
        let Some(files) = &self.data_files else {
            // All of the folder, with splits by the names in it.
            let inside = names.iter().filter_map(|name| Some((*name, name.strip_prefix(&folder)?)));
            for (name, rest) in inside {
                if let Some(group) = FileGroup::of(rest) {
                    let group = FileGroup { config: self.config_name.clone(), ..group };
                    groups.entry(group).or_default().push(name);
                }
            }
            return Ok(());
        };
        for (split, path) in files.patterns() {
            let pattern = format!("{folder}{}", path.trim_start_matches("./"));
            let found = matching(&pattern, names);
            if found.is_empty() {
                return Err(UnclearFiles::NotThere { pattern });
            }
            for name in found {
                let Some((_, ending)) = ending_of(name) else { continue };
                let (config, split) = (self.config_name.clone(), split.to_owned());
                let files = groups.entry(FileGroup { config, split, ending, is_named: true }).or_default();
                if !files.contains(&name) {
                    files.push(name);
                }
            }
        }
        Ok(())
    }
}

/// The names that a path of a card means: the file of that name, or those that a pattern matches.
fn matching<'a>(pattern: &str, names: &[&'a str]) -> Vec<&'a str> {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let glob = Pattern::new(pattern).ok();
    let is_meant = move |name: &str| {
        name == pattern || glob.as_ref().is_some_and(|glob| glob.matches_with(name, options))
    };
    names.iter().copied().filter(|name| is_meant(name)).collect()
}

impl Files {
    /// Splits, and the paths of each.
    fn patterns(&self) -> Vec<(&str, &str)> {
        match self {
            Self::One(path) => vec![(TRAIN, path)],
            Self::List(entries) => entries.iter().flat_map(Entry::patterns).collect(),
            Self::Splits(splits) => splits.iter().flat_map(|(split, paths)| paths.of(split)).collect(),
        }
    }
}

impl Entry {
    fn patterns(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Path(path) => vec![(TRAIN, path)],
            Self::Split { split, path } => path.of(split),
        }
    }
}

impl Paths {
    fn of<'a>(&'a self, split: &'a str) -> Vec<(&'a str, &'a str)> {
        match self {
            Self::One(path) => vec![(split, path)],
            Self::List(paths) => paths.iter().map(|path| (split, path.as_str())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::data_files::choose_files;

    const NAMES: [&str; 5] = ["README.md", "part_a.jsonl", "part_b.jsonl", "raw/c.jsonl", "more/train.jsonl"];

    fn card(configs: &serde_json::Value) -> DataCard {
        serde_json::from_value(json!({ "configs": configs, "license": "mit" })).unwrap()
    }

    #[track_caller]
    fn check(configs: &serde_json::Value, files: &[&str], left_out: &[&str], others: &[&str]) {
        let chosen = choose_files(NAMES, &card(configs)).unwrap();
        let left_out: Vec<String> = left_out.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(chosen, ChosenFiles { files: files.to_vec(), left_out, others: others.to_vec() });
    }

    #[test]
    fn the_card_goes_before_names() {
        let splits = json!([
            {"split": "train", "path": "part_a.jsonl"}, {"split": "test", "path": ["part_b.jsonl"]}
        ]);
        let rest = ["raw/c.jsonl", "more/train.jsonl"];
        check(&json!([{"config_name": "x", "data_files": splits}]), &["part_a.jsonl"], &["test"], &rest);
        check(&json!([{"data_files": "part_*.jsonl"}]), &["part_a.jsonl", "part_b.jsonl"], &[], &rest);
        check(
            &json!([{"data_files": {"train": "**/c.jsonl"}}]),
            &["raw/c.jsonl"],
            &[],
            &["part_a.jsonl", "part_b.jsonl", "more/train.jsonl"],
        );
        check(
            &json!([{"data_files": "part_a.jsonl", "config_name": "a"}, {"data_dir": "more", "config_name": "m", "default": true}]),
            &["more/train.jsonl"],
            &["a"],
            &[],
        );
    }

    #[test]
    fn configurations_without_a_default_are_groups() {
        let two = json!([
            {"config_name": "a", "data_files": "part_a.jsonl"}, {"config_name": "b", "data_files": "part_b.jsonl"}
        ]);
        let Err(UnclearFiles::Groups(groups)) = choose_files(NAMES, &card(&two)) else {
            panic!("expected groups")
        };
        assert_eq!(groups.into_keys().map(|group| group.config).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn files_that_only_the_card_has() {
        let configs = json!([{"data_files": "data/x.jsonl"}]);
        let pattern = "data/x.jsonl".to_owned();
        assert_eq!(choose_files(NAMES, &card(&configs)), Err(UnclearFiles::NotThere { pattern }));
        // A card without files says nothing.
        check(
            &json!([{"config_name": "x"}]),
            &["more/train.jsonl"],
            &[],
            &["part_a.jsonl", "part_b.jsonl", "raw/c.jsonl"],
        );
    }

    #[test]
    fn the_head_of_a_readme() {
        assert_eq!(DataCard::yaml("---\nconfigs:\n- x\n---\n# Data"), Some("configs:\n- x"));
        assert_eq!(DataCard::yaml("---\nlicense: mit\n---\n# Data"), None);
        assert_eq!(DataCard::yaml("# Data\n---\nconfigs:\n---\n"), None);
    }
}
