//! Reading fields of a row, with faults that name them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{parts, turns};
use crate::RowFault;
use crate::json::{kind_of, spelled_number};

/// The text of a field; `None` if it is absent or null.
pub(super) fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, RowFault> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(name, "a string", other)),
    }
}

/// The text of a field, which may be given as parts of text; `None` if it is absent or null.
pub(super) fn text_or_parts<'a>(
    row: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<Cow<'a, str>>, RowFault> {
    match row.get(name) {
        Some(Value::Array(parts)) => Ok(Some(parts::read(parts, name)?.text.into())),
        Some(part @ Value::Object(_)) => Ok(Some(parts::read(std::slice::from_ref(part), name)?.text.into())),
        _ => Ok(text(row, name)?.map(Cow::Borrowed)),
    }
}

/// The text of a field that must be there.
pub(super) fn required_text<'a>(row: &'a Map<String, Value>, name: &str) -> Result<&'a str, RowFault> {
    text(row, name)?.ok_or_else(|| missing(row, name, "text"))
}

/// The elements of a list field that must be there.
pub(super) fn required_list<'a>(row: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], RowFault> {
    match row.get(name) {
        None | Some(Value::Null) => Err(missing(row, name, "a list")),
        Some(Value::Array(values)) => Ok(values),
        Some(other) => Err(wrong_type(name, "a list", other)),
    }
}

/// The turns of a field that must be there.
pub(super) fn turns<'a>(row: &'a Map<String, Value>, name: &str) -> Result<Cow<'a, [Value]>, RowFault> {
    match row.get(name) {
        None | Some(Value::Null) => Err(missing(row, name, "a list of turns")),
        Some(value) => turns::of_column(value).ok_or_else(|| wrong_type(name, "a list of turns", value)),
    }
}

/// A value as true or false: a boolean, 0 or 1, or their spelling as text, which is all that CSV has.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(_) => match value.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim() {
            "true" | "True" | "TRUE" | "1" => Some(true),
            "false" | "False" | "FALSE" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The row's identity: text, or an integer. Whatever else stands there is none, so that a key is never made of a
/// rounded number.
pub(super) fn identity(row: &Map<String, Value>, name: &str) -> Option<String> {
    match row.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()).filter(|text| !text.contains(['.', 'e', 'E'])),
        value => spelled_number(value).map(str::to_owned),
    }
}

/// The fault of a field that must be there, and is not, or is null.
pub(super) fn missing(row: &Map<String, Value>, name: &str, expected: &str) -> RowFault {
    if row.contains_key(name) {
        RowFault::malformed(format!("field `{name}`: expected {expected}, found null"))
    } else {
        let found: Vec<_> = row.keys().map(|key| format!("`{key}`")).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        RowFault::malformed(format!("expected field `{name}`, found {found}"))
    }
}

pub(super) fn wrong_type(name: &str, expected: &str, found: &Value) -> RowFault {
    RowFault::malformed(format!("field `{name}`: expected {expected}, found {}", kind_of(found)))
}
