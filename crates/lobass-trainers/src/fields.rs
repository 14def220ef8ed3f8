//! The keys of a map, which remembers what has been read, so that no key is forgotten at any depth.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::LeftOut;
use crate::values::{is_off, list, number, short, switch, whole};

/// Keys with their values, and what cannot be taken over of them.
pub(crate) struct Fields {
    /// Where the map is, such as `datasets`; empty for the whole file.
    path: String,
    values: Map<String, Value>,
    /// Keys that are there without a value: `key:` in YAML, `null` in JSON.
    empty: BTreeSet<String>,
    looked_at: BTreeSet<String>,
    /// Keys with a value of another kind than expected.
    unusable: BTreeSet<String>,
    left_out: Vec<LeftOut>,
}

impl Fields {
    pub(crate) fn new(path: &str, mut values: Map<String, Value>) -> Self {
        let empty = values.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
        values.retain(|_, value| !value.is_null() && value != "");
        let (looked_at, unusable) = (BTreeSet::new(), BTreeSet::new());
        Self { path: path.to_owned(), values, empty, looked_at, unusable, left_out: Vec::new() }
    }

    /// The name of a key in messages, with the path to it.
    pub(crate) fn name(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Whether the map has the key, with a value that can be used.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key) && !self.unusable.contains(key)
    }

    /// Whether the map has the key, but no value for it.
    pub(crate) fn is_empty(&self, key: &str) -> bool {
        self.empty.contains(key)
    }

    /// The value of a key.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        let value = self.values.get(key)?;
        self.looked_at.insert(key.to_owned());
        Some(value.clone())
    }

    /// A value of some kind; another kind is left out and named.
    fn typed<T>(&mut self, key: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(&value);
        if found.is_none() {
            self.unusable.insert(key.to_owned());
            self.leave_out(key, format!("expected {expected}, found {}", short(&value)));
        }
        found
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.typed(key, "text", |value| value.as_str().map(str::to_owned))
    }

    /// Python's YAML reads `5e-5` as text, so trainers turn text into numbers.
    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        self.typed(key, "a number", number)
    }

    pub(crate) fn whole(&mut self, key: &str) -> Option<u64> {
        self.typed(key, "a whole number", |value| value.as_u64().or_else(|| whole(number(value)?)))
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "yes or no", switch)
    }

    /// A list of texts, or one text with commas.
    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        self.typed(key, "a list of texts", list)
    }

    /// A list of texts, or one text as it is.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.typed(key, "text, or a list of texts", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    pub(crate) fn map(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.typed(key, "a map", |value| value.as_object().cloned())
    }

    /// Leaves out a key, with the path to it. The same words are said once.
    pub(crate) fn leave_out(&mut self, key: &str, reason: impl Into<String>) {
        let left = LeftOut { key: self.name(key), reason: reason.into() };
        if !self.left_out.contains(&left) {
            self.left_out.push(left);
        }
    }

    /// Leaves out every key of a list that the map has and that is not switched off.
    pub(crate) fn leave_out_all(&mut self, keys: &[(&str, &str)]) {
        for (key, reason) in keys {
            if self.value(key).is_some_and(|value| !is_off(&value)) {
                self.leave_out(key, *reason);
            }
        }
    }

    /// Ends with what is left out. What has not been looked at and is not without effect is unknown.
    pub(crate) fn finish(mut self, without_effect: &dyn Fn(&str) -> bool) -> Vec<LeftOut> {
        let unknown: Vec<String> = self
            .values
            .keys()
            .filter(|key| !self.looked_at.contains(*key) && !without_effect(key))
            .cloned()
            .collect();
        for key in unknown {
            self.leave_out(&key, "lobass does not know this key");
        }
        self.left_out
    }
}
