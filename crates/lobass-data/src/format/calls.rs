//! Calls of tools, in the forms that rows have them.

use serde_json::{Map, Value, json};

use crate::json::{self, kind_of};
use crate::{Message, Role, RowFault};

/// The field of a turn with its calls, as chat templates know it.
const CALLS: &str = "tool_calls";
/// The field that `OpenAI` had for a single call before.
const OLD_CALL: &str = "function_call";

/// Reads the calls among a turn's fields into `tool_calls`: a list, such a list as JSON text, or the old
/// `function_call`. An empty list is no call, and goes.
///
/// # Errors
/// A value in one of the two fields that is no call.
pub(super) fn normalize(fields: &mut Map<String, Value>) -> Result<(), RowFault> {
    let calls = match fields.get(CALLS) {
        Some(Value::String(text)) if text.trim().is_empty() => Some(Vec::new()),
        Some(Value::String(text)) => Some(list(parse(CALLS, text)?)?),
        Some(Value::Array(calls)) if calls.iter().any(Value::is_string) => {
            Some(list(Value::Array(calls.clone()))?)
        }
        Some(Value::Array(calls)) if calls.iter().any(is_empty) => {
            Some(calls.iter().filter(|call| !is_empty(call)).cloned().collect())
        }
        Some(Value::Array(calls)) if calls.is_empty() => Some(Vec::new()),
        None | Some(Value::Array(_)) => None, // as it should be
        Some(one @ Value::Object(_)) => Some(vec![one.clone()]),
        Some(other) => return Err(wrong(CALLS, other)),
    };
    match calls {
        None => {}
        Some(calls) if calls.is_empty() => {
            fields.shift_remove(CALLS);
        }
        Some(calls) => {
            fields.insert(CALLS.to_owned(), Value::Array(calls));
        }
    }
    let old = match fields.get(OLD_CALL) {
        None => return Ok(()),
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => Some(parse(OLD_CALL, text)?),
        Some(other) => Some(other.clone()),
    };
    fields.shift_remove(OLD_CALL);
    let Some(old) = old.filter(|old| !is_empty(old)) else { return Ok(()) };
    let call = function(&old).ok_or_else(|| wrong(OLD_CALL, &old))?;
    push(fields, [call]);
    Ok(())
}

/// Whether nothing is called: Arrow writes a call that is not there as one whose fields are null.
fn is_empty(call: &Value) -> bool {
    match call {
        Value::Array(calls) => calls.is_empty(),
        Value::Object(fields) => fields.values().all(Value::is_null),
        Value::Null => true,
        _ => false,
    }
}

/// Adds calls to those among a turn's fields.
pub(super) fn push(fields: &mut Map<String, Value>, calls: impl IntoIterator<Item = Value>) {
    let entry = fields.entry(CALLS).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = entry {
        all.extend(calls);
    }
}

/// The calls that a text holds as JSON, if it holds nothing else: one, or a list of them.
pub(super) fn in_text(text: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    let value: Value = text.starts_with(['{', '[']).then(|| json::parse(text).ok()).flatten()?;
    match &value {
        Value::Array(calls) if calls.is_empty() => None,
        Value::Array(calls) => calls.iter().map(function).collect(),
        one => function(one).map(|call| vec![call]),
    }
}

/// A call as chat templates know it, from `name` and what it is called with.
pub(super) fn function(call: &Value) -> Option<Value> {
    if let Value::String(text) = call {
        return function(&json::parse(text).ok()?);
    }
    if call.get("function").is_some_and(Value::is_object) {
        return call["function"]["name"].is_string().then(|| call.clone());
    }
    let name = call.get("name")?.as_str()?;
    let arguments = ["arguments", "parameters", "input", "args"].iter().find_map(|key| call.get(*key));
    let mut known = json!({"type": "function", "function": {"name": name}});
    known["function"]["arguments"] = arguments.cloned().unwrap_or_else(|| json!({}));
    if let Some(id @ Value::String(_)) = call.get("id") {
        known["id"] = id.clone();
    }
    Some(known)
}

/// Joins a turn that was told as a call alone to the assistant turn before it, which it belongs to.
pub(super) fn join(before: &mut Message, call: &mut Message) -> bool {
    let joins = before.role == Role::Assistant && call.content.is_empty() && before.scored == call.scored;
    let calls = call.extra.get_mut(CALLS).filter(|_| joins).and_then(Value::as_array_mut).map(std::mem::take);
    match calls {
        None => false,
        Some(calls) => {
            push(&mut before.extra, calls);
            before.call_text = match (before.call_text.take(), &call.call_text) {
                (Some(text), Some(further)) => Some(format!("{text}\n{further}")),
                _ => None,
            };
            true
        }
    }
}

fn list(calls: Value) -> Result<Vec<Value>, RowFault> {
    match calls {
        Value::Array(calls) => calls
            .into_iter()
            .map(|call| match call {
                Value::String(text) => parse(CALLS, &text),
                call => Ok(call),
            })
            .collect(),
        one @ Value::Object(_) => Ok(vec![one]),
        other => Err(wrong(CALLS, &other)),
    }
}

fn parse(name: &str, text: &str) -> Result<Value, RowFault> {
    json::parse(text).map_err(|error| {
        RowFault::malformed(format!("field `{name}`: expected a call as JSON, found text: {error}"))
    })
}

fn wrong(name: &str, found: &Value) -> RowFault {
    let found = match found {
        Value::Object(fields) => {
            let keys: Vec<_> = fields.keys().map(|key| format!("`{key}`")).collect();
            format!("an object of {}", keys.join(", "))
        }
        other => kind_of(other).to_owned(),
    };
    let expected = if name == CALLS { "a list of calls" } else { "a call with a `name`" };
    RowFault::malformed(format!("field `{name}`: expected {expected}, found {found}"))
}
