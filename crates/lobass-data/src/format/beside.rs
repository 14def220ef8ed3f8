//! Columns that stand beside those of any format: what a row's template is to know.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::{flag, wrong_type};
use crate::{Example, RowFault, json};

/// The tools that a row's assistant can call.
const TOOLS: &str = "tools";
/// The old name of tools in `OpenAI`'s format.
const FUNCTIONS: &str = "functions";
/// Documents to answer from.
const DOCUMENTS: &str = "documents";
/// Further variables of the template, as TRL reads them.
const ARGUMENTS: &str = "chat_template_kwargs";
/// One of them in a column by itself, as verl reads it.
const THINKING: &str = "enable_thinking";

/// All of them but the tools, which can be in a column of another name.
pub(super) const COLUMNS: [&str; 4] = [FUNCTIONS, DOCUMENTS, ARGUMENTS, THINKING];

/// Columns beside the turns that someone named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NamedColumns {
    /// The column of the tools, if it is not `tools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<String>,
    /// Columns of images, audio, or video, beside those with the usual names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<String>,
}

impl NamedColumns {
    pub(super) fn tools(&self) -> &str {
        self.tools.as_deref().unwrap_or(TOOLS)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Arguments that decide how a template is called, rather than its variables.
const CALLING: [&str; 9] = [
    "messages",
    "conversation",
    "conversations",
    "chat_template",
    "add_generation_prompt",
    "continue_final_message",
    "tokenize",
    "return_dict",
    "return_assistant_tokens_mask",
];

/// Adds what stands beside a row's turns to its example.
///
/// # Errors
/// Values of the wrong type, and arguments that would change how the template is called.
pub(super) fn read(
    row: &Map<String, Value>,
    named: &NamedColumns,
    example: &mut Example,
) -> Result<(), RowFault> {
    let mut arguments = arguments(row)?;
    example.tools = tools(row, named.tools())?;
    // Text that is no JSON is a column of another meaning, and reported as one that is not read.
    example.documents = list(row, DOCUMENTS).ok().flatten();
    for (name, slot) in [(TOOLS, &mut example.tools), (DOCUMENTS, &mut example.documents)] {
        let told = arguments.shift_remove(name);
        if slot.is_none() {
            *slot = told;
        }
    }
    if let (Some(thinking), false) = (thinking(row)?, arguments.contains_key(THINKING)) {
        arguments.insert(THINKING.to_owned(), thinking.into());
    }
    example.template_arguments = arguments;
    Ok(())
}

/// Whether the template is to show thoughts, if the row says it.
fn thinking(row: &Map<String, Value>) -> Result<Option<bool>, RowFault> {
    match row.get(THINKING) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(value) => match flag(value) {
            Some(flag) => Ok(Some(flag)),
            None => Err(wrong_type(THINKING, "true or false", value)),
        },
    }
}

/// Tools are a list; each of them, or all of them, may be JSON text.
fn tools(row: &Map<String, Value>, column: &str) -> Result<Option<Value>, RowFault> {
    let mut tools = list(row, column)?;
    if tools.is_none() {
        let functions = list(row, FUNCTIONS)
            .ok()
            .flatten()
            .filter(|list| list.as_array().is_some_and(|list| list.iter().any(|f| f.get("name").is_some())));
        tools = functions.map(|functions| match functions {
            Value::Array(functions) => functions.into_iter().map(tool).collect(),
            other => other,
        });
    }
    Ok(tools)
}

/// A function as a tool.
fn tool(function: Value) -> Value {
    match function.get("function") {
        Some(_) => function,
        None => serde_json::json!({"type": "function", "function": function}),
    }
}

/// A list, or a list as JSON text, whose elements may be JSON text; an empty text is no list.
fn list(row: &Map<String, Value>, name: &str) -> Result<Option<Value>, RowFault> {
    let value = match row.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => parse(name, text)?,
        Some(value) => value.clone(),
    };
    match value {
        Value::Array(values) => Ok(Some(values.into_iter().map(object).collect())),
        Value::Null => Ok(None),
        // One tool, or one document.
        one @ Value::Object(_) => Ok(Some(Value::Array(vec![one]))),
        other => Err(wrong_type(name, "a list or JSON text", &other)),
    }
}

/// An element that is JSON text as what it says; all else as it is.
fn object(value: Value) -> Value {
    let parsed = match &value {
        Value::String(text) if text.trim_start().starts_with('{') => json::parse(text).ok(),
        _ => None,
    };
    parsed.unwrap_or(value)
}

fn arguments(row: &Map<String, Value>) -> Result<Map<String, Value>, RowFault> {
    let value = match row.get(ARGUMENTS) {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Map::new()),
        Some(Value::String(text)) => parse(ARGUMENTS, text)?,
        Some(value) => value.clone(),
    };
    let Value::Object(mut arguments) = value else {
        return Err(wrong_type(ARGUMENTS, "an object", &value));
    };
    arguments.retain(|_, value| !value.is_null());
    match CALLING.iter().find(|name| arguments.contains_key(**name)) {
        None => Ok(arguments),
        Some(name) => Err(RowFault::malformed(format!(
            "field `{ARGUMENTS}`: expected variables of the chat template, found `{name}`, which lobass sets itself"
        ))),
    }
}

fn parse(name: &str, text: &str) -> Result<Value, RowFault> {
    json::parse(text).map_err(|error| {
        RowFault::malformed(format!("field `{name}`: expected {name} as JSON, found text: {error}"))
    })
}
