//! A JSON object whose fields are taken by name and type; what does not fit is an error that names the field.

use serde_json::{Map, Value};

use super::ConfigError;

/// The fields of a JSON object: those of `config.json`, or those of an object in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// The name of the object, if it is a field of another one.
    of: Option<&'a str>,
}

/// A field as it is written. Transformers takes null for a value, and not for the default, in some places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said<T> {
    LeftOut,
    Null,
    Value(T),
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, of: None }
    }

    /// The fields of an object in `config.json`.
    pub(super) fn within(of: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { map, of: Some(of) }
    }

    /// The path of a field from the root of the file.
    pub(super) fn path(&self, name: &str) -> String {
        self.of.map_or_else(|| name.to_owned(), |of| format!("{of}.{name}"))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.map.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Said<&'a str>, ConfigError> {
        self.said(name, "a text", Value::as_str)
    }

    /// A whole number that counts something.
    pub(super) fn count(&self, name: &str) -> Result<Said<usize>, ConfigError> {
        self.said(name, "a whole number from 0 on", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        Ok(self.said(name, "a number", Value::as_f64)?.value())
    }

    /// A number above zero.
    pub(super) fn positive(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        let above_zero = |value: &Value| value.as_f64().filter(|number| *number > 0.0);
        Ok(self.said(name, "a number above 0", above_zero)?.value())
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        Ok(self.said(name, "true or false", Value::as_bool)?.value())
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ConfigError> {
        Ok(self.said(name, "a list", |value| value.as_array().map(Vec::as_slice))?.value())
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, ConfigError> {
        Ok(self.said(name, "an object", Value::as_object)?.value())
    }

    fn said<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Said<T>, ConfigError> {
        match self.map.get(name) {
            None => Ok(Said::LeftOut),
            Some(Value::Null) => Ok(Said::Null),
            Some(value) => match read(value) {
                Some(read) => Ok(Said::Value(read)),
                None => Err(ConfigError::invalid(&self.path(name), brief(value), expected)),
            },
        }
    }
}

impl<T> Said<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::LeftOut | Self::Null => None,
        }
    }
}

/// A value as it stands in the file, cut after some dozens of characters.
pub(super) fn brief(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}..", &text[..end]),
    }
}
