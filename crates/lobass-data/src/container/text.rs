//! The text of one row, and its fields.

use std::fmt;

use lobass_core::RowStatus;
use serde_json::{Map, Value};

use super::MAX_ROW_BYTES;
use crate::{RowFault, json};

/// The text of one row as it stands in the file.
#[derive(Debug, Clone)]
pub(crate) struct RawText {
    /// The text, or nothing if it was too long to keep.
    pub(super) bytes: Vec<u8>,
    /// Its length in bytes.
    pub(super) length: usize,
    /// Where it stands, for messages.
    pub(super) place: Place,
    /// White space before it, where rows are not lines.
    pub(super) before: Vec<u8>,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the line of this number, from 1; of several lines in the first.
    Line(u64),
    /// In the element of this number, from 1, which begins at this byte.
    Element { number: u64, offset: u64 },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Element { number, offset } => write!(f, "element {number} at byte {offset}"),
        }
    }
}

impl RawText {
    pub(super) fn malformed(&self, reason: impl fmt::Display) -> RowFault {
        RowFault::malformed(format!("{}: {reason}", self.place))
    }

    /// The text.
    pub(super) fn text(&self) -> Result<&str, RowFault> {
        check_size(self.length as u64, &self.place.to_string())?;
        std::str::from_utf8(&self.bytes).map_err(|error| {
            self.malformed(format!("expected UTF-8, found other bytes at byte {}", error.valid_up_to()))
        })
    }

    /// The fields of a JSON object, or of a list of turns the field `messages`.
    pub(super) fn json_fields(&self) -> Result<Map<String, Value>, RowFault> {
        let text = self.text()?;
        match self.parse(text)? {
            Value::Object(fields) => {
                Ok(fields.into_iter().map(|(name, value)| (name, json::finite(value))).collect())
            }
            Value::Array(turns) if turns.first().is_some_and(is_turn) => {
                Ok(Map::from_iter([("messages".to_owned(), turns.into())]))
            }
            Value::String(inner) if matches!(json::parse(&inner), Ok(Value::Object(_))) => {
                Err(self
                    .malformed("expected an object, found a string that holds JSON: rows were encoded twice"))
            }
            other => Err(self.malformed(format!("expected an object, found {}", json::kind_of(&other)))),
        }
    }

    fn parse(&self, text: &str) -> Result<Value, RowFault> {
        let error = match json::parse(text) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let whole = text.trim_ascii_end().strip_suffix(',').filter(|_| matches!(self.place, Place::Line(_)));
        if let Some(Ok(value)) = whole.map(json::parse) {
            return Ok(value); // lines that were cut out of an array
        }
        if text.trim_ascii_start().starts_with("{'") {
            return Err(self.malformed(
                "not JSON: single quotes, as Python prints a dictionary; write rows with `json.dumps`",
            ));
        }
        Err(self.malformed(format!("not JSON: {}", self.place_of(&error, text))))
    }

    /// An error of the parser with its place in the file, told once.
    fn place_of(&self, error: &serde_json::Error, text: &str) -> String {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let reason = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
        match self.place {
            Place::Line(_) if error.is_eof() && text.trim_ascii_end().ends_with(['{', '[', ',']) => {
                format!(
                    "{reason} at column {column}, as in an object over several lines of which one is damaged"
                )
            }
            Place::Line(_) => format!("{reason} at column {column}"),
            Place::Element { offset, .. } => {
                let before: usize =
                    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
                format!("{reason} at byte {}", offset + (before + column).saturating_sub(1) as u64)
            }
        }
    }
}

/// Whether a value is one turn of a conversation, as an object that says who speaks.
pub(super) fn is_turn(value: &Value) -> bool {
    let says = |key: &str| value.get(key).is_some_and(Value::is_string);
    says("role") || says("from")
}

pub(super) fn check_size(n_bytes: u64, place: &str) -> Result<(), RowFault> {
    if n_bytes <= MAX_ROW_BYTES as u64 {
        return Ok(());
    }
    let reason = format!("{place}: {n_bytes} bytes, above the limit of {MAX_ROW_BYTES} for one row");
    Err(RowFault { status: RowStatus::Overlong, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(place: Place, text: &str) -> Result<Map<String, Value>, String> {
        let row = RawText { bytes: text.as_bytes().to_vec(), length: text.len(), place, before: Vec::new() };
        row.json_fields().map_err(|fault| fault.reason)
    }

    #[test]
    fn damage_has_one_place() {
        let line = |text: &str| fields(Place::Line(3), text).unwrap_err();
        assert_eq!(line("{\"a\": }"), "line 3: not JSON: expected value at column 7");
        assert_eq!(line("{\"a\": 1"), "line 3: not JSON: EOF while parsing an object at column 7");
        assert!(
            line("{").ends_with("at column 1, as in an object over several lines of which one is damaged")
        );
        assert_eq!(line("[1]"), "line 3: expected an object, found a list");
        assert!(line("{'a': 1}").contains("json.dumps"));
        assert!(line(r#""{\"a\": 1}""#).contains("encoded twice"));
        let element = |text: &str| fields(Place::Element { number: 2, offset: 10 }, text).unwrap_err();
        assert_eq!(element("{\n\"a\": }"), "element 2 at byte 10: not JSON: expected value at byte 17");
        assert!(element("{\"a\": 1},").contains("trailing characters"));
    }

    #[test]
    fn rows_that_are_nearly_objects() {
        let line = |text: &str| fields(Place::Line(1), text).unwrap();
        assert_eq!(line("{\"a\": 1}, "), line("{\"a\": 1}"));
        let turns = r#"[{"role": "user", "content": "hi"}]"#;
        assert_eq!(line(turns), line(&format!("{{\"messages\": {turns}}}")));
    }
}
