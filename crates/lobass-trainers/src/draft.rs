//! A reading in the making.

use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::place::LookUp;
use crate::values::{is_off, short};
use crate::{Difference, LeftOut, Reading, Taken, Trainer};

/// The keys of a file, and what has been made of them.
pub(crate) struct Draft<'a> {
    fields: Fields,
    look_up: LookUp<'a>,
    reading: Reading,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(trainer: Trainer, values: Map<String, Value>, look_up: LookUp<'a>) -> Self {
        let reading = Reading { trainer, taken: Vec::new(), left_out: Vec::new(), differing: Vec::new() };
        Self { fields: Fields::new("", values), look_up, reading }
    }

    /// What tells whether a path is there.
    pub(crate) fn look_up(&self) -> LookUp<'a> {
        self.look_up
    }

    pub(crate) fn trainer(&self) -> Trainer {
        self.reading.trainer
    }

    pub(crate) fn fields(&mut self) -> &mut Fields {
        &mut self.fields
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields.has(key)
    }

    /// Whether the file has the key, but no value for it.
    pub(crate) fn is_empty(&self, key: &str) -> bool {
        self.fields.is_empty(key)
    }

    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        self.fields.value(key)
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.fields.text(key)
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        self.fields.number(key)
    }

    pub(crate) fn whole(&mut self, key: &str) -> Option<u64> {
        self.fields.whole(key)
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.fields.flag(key)
    }

    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        self.fields.list(key)
    }

    /// A number, or the trainer's default.
    pub(crate) fn number_or(&mut self, key: &str, default: f64) -> f64 {
        self.number(key).unwrap_or_else(|| {
            self.note_empty(key, &default.to_string());
            default
        })
    }

    /// A whole number, or the trainer's default.
    pub(crate) fn whole_or(&mut self, key: &str, default: u64) -> u64 {
        self.whole(key).unwrap_or_else(|| {
            self.note_empty(key, &default.to_string());
            default
        })
    }

    /// Text, or the trainer's default.
    pub(crate) fn text_or(&mut self, key: &str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| {
            self.note_empty(key, default);
            default.to_owned()
        })
    }

    /// axolotl drops keys without a value, as templates of its configs have many. The others hand on the nothing.
    fn note_empty(&mut self, key: &str, default: &str) {
        let trainer = self.reading.trainer;
        if self.fields.is_empty(key) && trainer != Trainer::Axolotl {
            self.differ(
                key,
                format!("it has no value, and {trainer} then has no default either; lobass takes {default}"),
            );
        }
    }

    /// Takes a setting over from a key.
    pub(crate) fn take(&mut self, key: &str, setting: &'static str, value: impl Into<Value>) {
        self.take_from(&[key], setting, value);
    }

    /// Takes a setting over from those of some keys that the file has.
    pub(crate) fn take_from(&mut self, keys: &[&str], setting: &'static str, value: impl Into<Value>) {
        let keys = keys.iter().filter(|key| self.fields.has(key)).map(|key| (*key).to_owned());
        let taken = Taken { keys: keys.collect(), setting, value: value.into() };
        self.reading.taken.retain(|earlier| earlier.setting != setting);
        self.reading.taken.push(taken);
    }

    pub(crate) fn leave_out(&mut self, key: &str, reason: impl Into<String>) {
        self.fields.leave_out(key, reason);
    }

    /// Adds what is left out of a map inside the file. The same words are said once.
    pub(crate) fn leave_out_also(&mut self, left_out: Vec<LeftOut>) {
        for left in left_out {
            self.fields.leave_out(&left.key, left.reason);
        }
    }

    pub(crate) fn differ(&mut self, key: impl Into<String>, effect: impl Into<String>) {
        let difference = Difference { key: key.into(), effect: effect.into() };
        if !self.reading.differing.contains(&difference) {
            self.reading.differing.push(difference);
        }
    }

    /// Says that a switched-on key has another effect.
    pub(crate) fn differ_if_on(&mut self, key: &str, effect: &str) {
        if self.value(key).is_some_and(|value| !is_off(&value)) {
            self.differ(key, effect);
        }
    }

    pub(crate) fn leave_out_all(&mut self, keys: &[(&str, &str)]) {
        self.fields.leave_out_all(keys);
    }

    /// Leaves out a key whose value is not one of those with no further effect.
    pub(crate) fn leave_out_unless(&mut self, key: &str, plain: &[&str], reason: &str) {
        let Some(value) = self.value(key) else { return };
        let mut words = match &value {
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            value => vec![value.as_str()],
        };
        words.retain(|word| !word.is_some_and(|word| plain.contains(&word)));
        if !words.is_empty() {
            self.leave_out(key, format!("{reason}, not {}", short(&value)));
        }
    }

    /// Ends. What has not been looked at and is not without effect is unknown, and left out.
    pub(crate) fn finish(mut self, without_effect: &dyn Fn(&str) -> bool) -> Reading {
        self.reading.left_out = self.fields.finish(without_effect);
        self.reading
    }
}
