//! The names of tensors in files, and those of the model.

use std::collections::{BTreeMap, BTreeSet};

use super::HEAD;
use super::layout::TensorSpec;

/// In front of all names of the decoder; the head stands beside it.
const PREFIX: &str = "model.";

/// The names in files by the names of the model.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name in the file by the name in the model. What is no tensor of the model keeps its name.
    pub(super) stored: BTreeMap<String, String>,
    /// Pairs of names in the file that mean one tensor.
    pub(super) twice: Vec<(String, String)>,
}

impl Names {
    /// Matches names of files with those that the model expects.
    ///
    /// `model.` is added or taken away where that makes a name of the model.
    ///
    /// Source: `rename_source_key` of transformers 5.24's `core_model_loading.py`.
    pub(super) fn new<'a>(stored: impl Iterator<Item = &'a str>, expected: &[TensorSpec]) -> Self {
        let known = known(expected);
        let mut names = Self::default();
        for name in stored {
            if let Some(other) = names.stored.insert(of_model(name, &known), name.to_owned()) {
                names.twice.push((other, name.to_owned()));
            }
        }
        names
    }

    /// Names that differ from those of the model, as they are in the file.
    pub(super) fn renamed(&self) -> impl Iterator<Item = &str> {
        self.stored.iter().filter(|(name, stored)| name != stored).map(|(_, stored)| stored.as_str())
    }
}

/// The prefix of every name, if the rest is a whole model: a wrapper around the model leaves one.
pub(super) fn wrapper<'a>(stored: &[&'a str], expected: &[TensorSpec]) -> Option<&'a str> {
    let known = known(expected);
    let prefix_of = |name: &'a str| {
        let (before, _) =
            name.split_once("embed_tokens.weight").or_else(|| name.split_once("lm_head.weight"))?;
        let outer = before.strip_suffix(PREFIX).filter(|outer| outer.is_empty() || outer.ends_with('.'));
        Some(outer.unwrap_or(before)).filter(|prefix| !prefix.is_empty())
    };
    let fits = |prefix: &str| {
        let inner = stored.iter().map(|name| of_model(name.strip_prefix(prefix).unwrap_or(name), &known));
        let inner: BTreeSet<String> = inner.collect();
        expected.iter().all(|spec| inner.contains(&spec.name))
    };
    if fits("") {
        return None;
    }
    stored.iter().filter_map(|name| prefix_of(name)).find(|prefix| fits(prefix))
}

fn known(expected: &[TensorSpec]) -> BTreeSet<&str> {
    // A tied head may be stored too.
    expected.iter().map(|spec| spec.name.as_str()).chain([HEAD]).collect()
}

fn of_model(name: &str, known: &BTreeSet<&str>) -> String {
    if let Some(inner) = name.strip_prefix(PREFIX).filter(|inner| known.contains(inner)) {
        return inner.to_owned();
    }
    let outer = format!("{PREFIX}{name}");
    if known.contains(outer.as_str()) { outer } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecoderSpec, expected_tensors, testing};

    fn expected() -> Vec<TensorSpec> {
        expected_tensors(&DecoderSpec::from_json(testing::TINY).unwrap())
    }

    fn stored(rename: impl Fn(&str) -> String) -> Vec<String> {
        expected().iter().map(|spec| rename(&spec.name)).collect()
    }

    #[test]
    fn the_prefix_of_the_decoder_may_be_left_out_or_doubled() {
        let expected = expected();
        for rename in [
            |name: &str| name.to_owned(),
            |name: &str| name.strip_prefix("model.").unwrap_or(name).to_owned(),
            |name: &str| format!("model.{name}"),
        ] {
            let stored = stored(rename);
            let names = Names::new(stored.iter().map(String::as_str), &expected);
            assert!(names.twice.is_empty());
            for spec in &expected {
                assert_eq!(names.stored[&spec.name], rename(&spec.name));
            }
        }
    }

    #[test]
    fn other_prefixes_are_recognized_and_not_read() {
        let expected = expected();
        for (prefix, rename) in [
            ("_orig_mod.", (|name: &str| format!("_orig_mod.{name}")) as fn(&str) -> String),
            ("module.", |name| format!("module.{name}")),
            ("language_model.", |name| format!("language_model.{name}")),
            ("model.language_model.", |name| name.replace("model.", "model.language_model.")),
            ("base_model.model.", |name| format!("base_model.model.{name}")),
        ] {
            let stored = stored(rename);
            let names: Vec<&str> = stored.iter().map(String::as_str).collect();
            assert_eq!(wrapper(&names, &expected), Some(prefix));
            assert_eq!(Names::new(names.iter().copied(), &expected).renamed().count(), 0);
        }
        let stored = stored(str::to_owned);
        let without: Vec<&str> = stored.iter().map(String::as_str).skip(1).collect();
        assert_eq!(wrapper(&without, &expected), None);
    }

    #[test]
    fn two_names_of_one_tensor_are_found() {
        let names = Names::new(["norm.weight", "model.norm.weight"].into_iter(), &expected());
        assert_eq!(names.twice, [("norm.weight".to_owned(), "model.norm.weight".to_owned())]);
    }
}
