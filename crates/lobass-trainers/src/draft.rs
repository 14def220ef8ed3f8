//! A reading in the making: it records which keys have been read, so that no key is forgotten.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{Difference, LeftOut, Reading, Taken, Trainer};

/// Keys with their values, and what has been made of them.
pub(crate) struct Draft {
    values: Map<String, Value>,
    looked_at: BTreeSet<String>,
    reading: Reading,
}

impl Draft {
    /// Begins. A key without a value, as templates of configs have many, is as good as absent.
    pub(crate) fn new(trainer: Trainer, mut values: Map<String, Value>) -> Self {
        values.retain(|_, value| !value.is_null() && value != "");
        let reading = Reading { trainer, taken: Vec::new(), left_out: Vec::new(), differing: Vec::new() };
        Self { values, looked_at: BTreeSet::new(), reading }
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

    /// YAML of before 2009, which Python reads, has more words for yes and no.
    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "yes or no", |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.to_lowercase().as_str() {
                "yes" | "on" | "true" => Some(true),
                "no" | "off" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    /// A list of texts, or one text with commas.
    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        self.typed(key, "a list of texts", list)
    }

    /// Takes a setting over from a key.
    pub(crate) fn take(&mut self, key: &str, setting: &'static str, value: impl Into<Value>) {
        self.take_from(&[key], setting, value);
    }

    /// Takes a setting over from those of some keys that the file has.
    pub(crate) fn take_from(&mut self, keys: &[&str], setting: &'static str, value: impl Into<Value>) {
        let keys = keys.iter().filter(|key| self.values.contains_key(**key)).map(|key| (*key).to_owned());
        let taken = Taken { keys: keys.collect(), setting, value: value.into() };
        self.reading.taken.retain(|earlier| earlier.setting != setting);
        self.reading.taken.push(taken);
    }

    pub(crate) fn leave_out(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.reading.left_out.push(LeftOut { key: key.into(), reason: reason.into() });
    }

    pub(crate) fn differ(&mut self, key: impl Into<String>, effect: impl Into<String>) {
        self.reading.differing.push(Difference { key: key.into(), effect: effect.into() });
    }

    /// Leaves out every key of a list that the file has and that is not switched off.
    pub(crate) fn leave_out_all(&mut self, keys: &[(&str, &str)]) {
        for (key, reason) in keys {
            let is_off = |value: &Value| {
                *value == Value::Bool(false) || value.as_f64().is_some_and(|number| number <= 0.0)
            };
            if self.value(key).is_some_and(|value| !is_off(&value)) {
                self.leave_out(*key, *reason);
            }
        }
    }

    /// Ends. What has not been looked at and is not without effect is unknown, and left out.
    pub(crate) fn finish(mut self, without_effect: &dyn Fn(&str) -> bool) -> Reading {
        let unknown: Vec<String> = self
            .values
            .keys()
            .filter(|key| !self.looked_at.contains(*key) && !without_effect(key))
            .cloned()
            .collect();
        for key in unknown {
            self.leave_out(key, "lobass does not know this key");
        }
        self.reading
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// A number without a fraction, as far as a float is exact.
pub(crate) fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    exact.then_some(number as u64)
}

/// The texts of a list, or of one text with commas.
pub(crate) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => {
            Some(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
        }
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A value for a message.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(57).chain("...".chars()).collect()
}
