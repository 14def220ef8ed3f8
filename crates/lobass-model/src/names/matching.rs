//! The names of tensors in one checkpoint, and those of the layout.

use std::collections::{BTreeMap, BTreeSet};

use super::{Layout, NameRules, TensorSpec, Wrapping};

/// In front of all names of the decoder; the head stands beside it.
const PREFIX: &str = "model.";

/// The names in a checkpoint by the names of the layout.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    /// The name in the file by that in the layout. What is no tensor of the model keeps its name.
    pub(crate) stored: BTreeMap<String, String>,
    /// Pairs of names in the file that mean one tensor.
    pub(crate) twice: Vec<(String, String)>,
    /// What is in front of the names of the layout.
    pub(crate) wrapping: Wrapping,
}

impl Matched {
    /// Matches names of files with those that the layout expects. `head` is the name of the head, which may be stored
    /// although it is tied.
    ///
    /// `model.` is added or taken away where that makes a name of the layout.
    ///
    /// Source: `rename_source_key` of transformers 5.24's `core_model_loading.py`.
    pub(crate) fn new<'a>(
        stored: impl Iterator<Item = &'a str> + Clone,
        rules: &NameRules,
        layout: &Layout,
        head: &str,
    ) -> Self {
        let known = known(layout.stored().iter().map(|tensor| &tensor.spec), head);
        let wrapping = rules.wrapping_of(stored.clone(), |name| known.contains(name));
        let mut names = Self { wrapping: wrapping.cloned().unwrap_or_default(), ..Self::default() };
        for name in stored {
            let inner = match rules.wrappings.is_empty() {
                true => of_model(name, &known),
                false => names.wrapping.inner(name).filter(|inner| known.contains(inner.as_str())),
            };
            let inner = inner.unwrap_or_else(|| name.to_owned());
            if let Some(other) = names.stored.insert(inner, name.to_owned()) {
                names.twice.push((other, name.to_owned()));
            }
        }
        names
    }

    /// Names that differ from those of the layout, as they are in the file.
    pub(crate) fn renamed(&self) -> impl Iterator<Item = &str> {
        let expected = |name: &str| self.wrapping.outer(name);
        self.stored
            .iter()
            .filter(move |(name, stored)| name != stored && expected(name) != **stored)
            .map(|(_, stored)| stored.as_str())
    }
}

/// The prefix of every name, if the rest is a whole model: a wrapper around the model leaves one.
pub(crate) fn wrapper<'a>(names: &'a Matched, layout: &Layout, head: &str) -> Option<&'a str> {
    let expected = || layout.stored().iter().map(|tensor| &tensor.spec);
    let known = known(expected(), head);
    let prefix_of = |name: &'a str, last: &str| {
        let before = name.strip_suffix(last)?;
        let outer = before.strip_suffix(PREFIX).filter(|outer| outer.is_empty() || outer.ends_with('.'));
        Some(outer.unwrap_or(before)).filter(|prefix| !prefix.is_empty())
    };
    let fits = |prefix: &str| {
        let inner = |name: &'a String| {
            let name = name.strip_prefix(prefix).unwrap_or(name);
            of_model(name, &known).unwrap_or_else(|| name.to_owned())
        };
        let inner: BTreeSet<String> = names.stored.keys().map(inner).collect();
        expected().all(|spec| inner.contains(&spec.name))
    };
    if fits("") {
        return None;
    }
    let prefixes = |last: &'static str| names.stored.keys().filter_map(move |name| prefix_of(name, last));
    prefixes("embed_tokens.weight").chain(prefixes("lm_head.weight")).find(|prefix| fits(prefix))
}

fn known<'a>(expected: impl Iterator<Item = &'a TensorSpec>, head: &'a str) -> BTreeSet<&'a str> {
    expected.map(|spec| spec.name.as_str()).chain([head]).collect()
}

/// The name with `model.` taken away or added, if that makes it a known one.
fn of_model(name: &str, known: &BTreeSet<&str>) -> Option<String> {
    if let Some(inner) = name.strip_prefix(PREFIX).filter(|inner| known.contains(inner)) {
        return Some(inner.to_owned());
    }
    let outer = format!("{PREFIX}{name}");
    known.contains(outer.as_str()).then_some(outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecoderSpec, expected_tensors, testing};

    fn layout() -> Layout {
        let spec = DecoderSpec::from_json(testing::TINY).unwrap();
        Layout::new(&spec.names, &expected_tensors(&spec))
    }

    fn matched(rules: &NameRules, rename: impl Fn(&str) -> String) -> Matched {
        let stored: Vec<String> = layout().stored().iter().map(|tensor| rename(&tensor.spec.name)).collect();
        Matched::new(stored.iter().map(String::as_str), rules, &layout(), "lm_head.weight")
    }

    #[test]
    fn the_prefix_of_the_decoder_may_be_left_out_or_doubled() {
        for rename in [
            |name: &str| name.to_owned(),
            |name: &str| name.strip_prefix("model.").unwrap_or(name).to_owned(),
            |name: &str| format!("model.{name}"),
        ] {
            let names = matched(&NameRules::default(), rename);
            assert!(names.twice.is_empty());
            for tensor in layout().stored() {
                let name = &tensor.spec.name;
                assert_eq!(names.stored[name], rename(name));
            }
        }
    }

    #[test]
    fn other_prefixes_are_recognized_and_not_read() {
        for (prefix, rename) in [
            ("_orig_mod.", (|name: &str| format!("_orig_mod.{name}")) as fn(&str) -> String),
            ("module.", |name| format!("module.{name}")),
            ("language_model.", |name| format!("language_model.{name}")),
            ("model.language_model.", |name| name.replace("model.", "model.language_model.")),
            ("base_model.model.", |name| format!("base_model.model.{name}")),
        ] {
            let names = matched(&NameRules::default(), rename);
            assert_eq!(wrapper(&names, &layout(), "lm_head.weight"), Some(prefix));
            assert_eq!(names.renamed().count(), 0);
        }
        let mut names = matched(&NameRules::default(), str::to_owned);
        names.stored.pop_first();
        assert_eq!(wrapper(&names, &layout(), "lm_head.weight"), None);
    }

    #[test]
    fn the_wrapping_that_fits_a_file_is_used() {
        let rules = NameRules::default()
            .wrapped(&[("model.language_model.", "model."), ("lm_head.", "lm_head.")])
            .wrapped(&[("language_model.", "")]);
        for rename in
            [(|name: &str| name.replace("model.", "model.language_model.")) as fn(&str) -> String, |name| {
                format!("language_model.{name}")
            }]
        {
            let names = matched(&rules, rename);
            assert_eq!(names.renamed().count(), 0);
            for tensor in layout().stored() {
                let name = &tensor.spec.name;
                assert_eq!(names.stored[name], rename(name));
                assert_eq!(names.wrapping.outer(name), rename(name));
            }
        }
    }

    #[test]
    fn two_names_of_one_tensor_are_found() {
        let stored = ["norm.weight", "model.norm.weight"];
        let names = Matched::new(stored.into_iter(), &NameRules::default(), &layout(), "lm_head.weight");
        assert_eq!(names.twice, [("norm.weight".to_owned(), "model.norm.weight".to_owned())]);
    }
}
