//! Text to keys and values.

use serde_json::{Map, Value};

use crate::Error;

/// Reads YAML or JSON. JSON is YAML, but its own parser reads it faster and more exactly.
///
/// Words such as `yes`, `on`, and `n` stay text here, since only the key tells what they are: YAML of before 2009, which
/// the trainers read, takes `yes`, `no`, `on`, and `off` for a yes or no, `y` and `n` for text. Where a switch is
/// expected, all of them are read as one.
pub(crate) fn values(text: &str) -> Result<Map<String, Value>, Error> {
    if let Ok(Value::Object(values)) = serde_json::from_str(text) {
        return Ok(values);
    }
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
    };
    match serde_saphyr::from_str_with_options::<Value>(text, options) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(other) => Err(Error::NotAMap { found: kind(&other) }),
        Err(error) => Err(Error::Yaml { reason: first_line(&error.to_string()) }),
    }
}

/// Parsers of YAML show a part of the file below their message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
