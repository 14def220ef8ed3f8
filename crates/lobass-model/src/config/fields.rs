//! A JSON object whose fields are taken by name and type; what does not fit is an error that names the field.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ConfigError;
use crate::Finding;

/// The fields of a JSON object: those of `config.json`, or those of an object in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// The name of the object, if it is a field of another one.
    of: Option<&'a str>,
    notes: &'a Notes,
}

/// Notes of a reading: which fields were read, and what is odd about them.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Paths of fields.
    read: RefCell<BTreeSet<String>>,
    findings: RefCell<Vec<Finding>>,
}

/// A field as it is written. Transformers takes null for a value, and not for the default, in some places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said<T> {
    LeftOut,
    Null,
    Value(T),
}

impl<'a> Fields<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>, notes: &'a Notes) -> Self {
        Self { map, of: None, notes }
    }

    /// The fields of an object that is one of these fields.
    pub(crate) fn within(self, of: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { map, of: Some(of), notes: self.notes }
    }

    /// The fields of an object that stands for these fields or for one of them.
    pub(crate) fn inside(self, of: Option<&'a str>, map: &'a Map<String, Value>) -> Self {
        Self { map, of, notes: self.notes }
    }

    /// Takes fields for read: they say nothing beyond what others say.
    pub(crate) fn knows(self, names: &[&str]) {
        self.notes.read.borrow_mut().extend(names.iter().map(|name| self.path(name)));
    }

    /// Whether a field was read.
    pub(super) fn is_read(self, name: &str) -> bool {
        self.notes.read.borrow().contains(&self.path(name))
    }

    /// Adds a finding about the file.
    pub(crate) fn note(self, finding: Finding) {
        self.notes.findings.borrow_mut().push(finding);
    }

    /// The path of a field from the root of the file.
    pub(super) fn path(&self, name: &str) -> String {
        self.of.map_or_else(|| name.to_owned(), |of| format!("{of}.{name}"))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.knows(&[name]);
        self.map.get(name)
    }

    /// A field that does not count as read.
    pub(super) fn unread_value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Said<&'a str>, ConfigError> {
        self.said(name, "a text", Value::as_str)
    }

    /// A whole number that counts something.
    pub(crate) fn count(&self, name: &str) -> Result<Said<usize>, ConfigError> {
        self.said(name, "a whole number from 0 on", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        Ok(self.said(name, "a number", Value::as_f64)?.value())
    }

    /// A number above zero.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        let above_zero = |value: &Value| value.as_f64().filter(|number| *number > 0.0);
        Ok(self.said(name, "a number above 0", above_zero)?.value())
    }

    /// A number above zero, or null.
    pub(crate) fn positive_or_null(&self, name: &str) -> Result<Said<f64>, ConfigError> {
        let above_zero = |value: &Value| value.as_f64().filter(|number| *number > 0.0);
        self.said(name, "a number above 0, or null", above_zero)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        Ok(self.said(name, "true or false", Value::as_bool)?.value())
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ConfigError> {
        Ok(self.said(name, "a list", |value| value.as_array().map(Vec::as_slice))?.value())
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, ConfigError> {
        Ok(self.said(name, "an object", Value::as_object)?.value())
    }

    fn said<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Said<T>, ConfigError> {
        match self.value(name) {
            None => Ok(Said::LeftOut),
            Some(Value::Null) => Ok(Said::Null),
            Some(value) => match read(value) {
                Some(read) => Ok(Said::Value(read)),
                None => Err(ConfigError::invalid(&self.path(name), brief(value), expected)),
            },
        }
    }
}

impl Notes {
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }
}

impl<T> Said<T> {
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::LeftOut | Self::Null => None,
        }
    }
}

/// A value as it stands in the file, cut after some dozens of characters.
pub(crate) fn brief(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}..", &text[..end]),
    }
}
