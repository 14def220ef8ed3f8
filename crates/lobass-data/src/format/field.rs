//! Reading fields of a row, with faults that name them.

use serde_json::{Map, Value};

use crate::RowFault;
use crate::container::kind_of;

/// The text of a field; `None` if it is absent or null.
pub(super) fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, RowFault> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(name, "a string", other)),
    }
}

/// The text of a field that must be there.
pub(super) fn required_text<'a>(row: &'a Map<String, Value>, name: &str) -> Result<&'a str, RowFault> {
    text(row, name)?.ok_or_else(|| missing(row, name))
}

/// The elements of a list field that must be there.
pub(super) fn required_list<'a>(row: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], RowFault> {
    match row.get(name) {
        None | Some(Value::Null) => Err(missing(row, name)),
        Some(Value::Array(values)) => Ok(values),
        Some(other) => Err(wrong_type(name, "a list", other)),
    }
}

/// The row's identity: a string or a number.
pub(super) fn identity(row: &Map<String, Value>, name: &str) -> Option<String> {
    match row.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The column with the tools that a row's assistant can call.
pub(super) const TOOLS: &str = "tools";

/// Tools are a list, or such a list as JSON text; an empty text is none.
pub(super) fn tools(row: &Map<String, Value>) -> Result<Option<Value>, RowFault> {
    match row.get(TOOLS) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|error| {
            RowFault::malformed(format!("field `{TOOLS}`: expected tools as JSON, found text: {error}"))
        }),
        Some(tools @ Value::Array(_)) => Ok(Some(tools.clone())),
        Some(other) => Err(wrong_type(TOOLS, "a list or JSON text", other)),
    }
}

pub(super) fn missing(row: &Map<String, Value>, name: &str) -> RowFault {
    if row.contains_key(name) {
        RowFault::malformed(format!("field `{name}`: expected text, found null"))
    } else {
        let found: Vec<_> = row.keys().map(|key| format!("`{key}`")).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        RowFault::malformed(format!("expected field `{name}`, found {found}"))
    }
}

pub(super) fn wrong_type(name: &str, expected: &str, found: &Value) -> RowFault {
    RowFault::malformed(format!("field `{name}`: expected {expected}, found {}", kind_of(found)))
}
