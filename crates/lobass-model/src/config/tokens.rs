//! Token ids in a config.

use serde_json::Value;

use super::ConfigError;
use super::fields::{Fields, brief};
use crate::Finding;

/// Reads a field that holds a token id, a list of them, or null. A negative number names no token.
pub(super) fn token_ids(name: &str, fields: Fields<'_>) -> Result<Vec<u32>, ConfigError> {
    let values = match fields.value(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(ids)) => ids.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let mut ids = Vec::new();
    for value in values {
        match value.as_i64().map(u32::try_from) {
            Some(Ok(id)) => ids.push(id),
            Some(Err(_)) => {
                fields.note(Finding::UnreadField { field: name.to_owned(), value: value.to_string() });
            }
            None => {
                let expected = "a token id or a list of token ids";
                return Err(ConfigError::invalid(name, brief(value), expected));
            }
        }
    }
    Ok(ids)
}
