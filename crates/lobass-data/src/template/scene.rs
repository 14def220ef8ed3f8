//! An example as the engine sees it.

use lobass_core::RowStatus;
use minijinja::Value;
use serde_json::Value as Json;

use super::python;
use crate::{Example, Message, RowFault};

/// The names under which a turn says what was thought; the first one that a turn has counts.
pub(crate) const THOUGHTS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];
/// Variables that a rendering sets itself, so that no row and no flag may.
const RESERVED: [&str; 4] = ["messages", "tools", "add_generation_prompt", "chat_template"];

/// Everything that a rendering of one example depends on.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// The turns, in order.
    pub(crate) turns: Vec<Value>,
    pub(crate) tools: Value,
    pub(crate) documents: Value,
    /// The row's own arguments.
    pub(crate) arguments: Vec<(String, Value)>,
    n_bytes: usize,
}

impl Scene {
    /// # Errors
    /// [`RowStatus::TemplateError`] for arguments that a template cannot be given.
    pub(crate) fn new(example: &Example) -> Result<Self, RowFault> {
        let mut n_bytes = 0;
        let turns = example.messages.iter().map(|message| turn(message, &mut n_bytes)).collect();
        let mut optional = |value: Option<&Json>| {
            value.map_or_else(|| Value::from(()), |value| from_json(value, &mut n_bytes))
        };
        let tools = optional(example.tools.as_ref());
        let arguments = &example.template_arguments;
        let documents = optional(example.documents.as_ref().or_else(|| arguments.get("documents")));
        let given = arguments.iter().filter(|(name, _)| *name != "documents");
        let arguments = given.map(|(name, value)| {
            check_argument(name).map_err(|reason| RowFault { status: RowStatus::TemplateError, reason })?;
            Ok((name.clone(), from_json(value, &mut n_bytes)))
        });
        let arguments = arguments.collect::<Result<_, _>>()?;
        Ok(Self { turns, tools, documents, arguments, n_bytes })
    }

    /// The scene with another turn at a place.
    pub(crate) fn with_turn(&self, at: usize, turn: Value) -> Self {
        let mut scene = self.clone();
        scene.turns[at] = turn;
        scene
    }

    /// The scene with an empty list of tools.
    pub(crate) fn without_tools(&self) -> Self {
        Self { tools: Value::from(Vec::<Value>::new()), ..self.clone() }
    }

    /// The scene without documents.
    pub(crate) fn without_documents(&self) -> Self {
        Self { documents: Value::from(()), ..self.clone() }
    }

    /// The size of all texts, in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }
}

/// Whether a template can be given a variable of this name.
pub(super) fn check_argument(name: &str) -> Result<(), String> {
    if RESERVED.contains(&name) {
        return Err(format!(
            "template argument `{name}`: lobass sets it from the row, and it cannot be given"
        ));
    }
    Ok(())
}

/// One turn: its role, what it says, and whatever else the row says of it. What was thought has the names that
/// transformers gives it.
fn turn(message: &Message, n_bytes: &mut usize) -> Value {
    let content = match &message.parts {
        Some(parts) => parts.iter().map(|part| from_json(part, n_bytes)).collect(),
        None => {
            *n_bytes += message.content.len();
            Value::from(message.content.as_str())
        }
    };
    turn_of(message, content, |value| from_json(value, n_bytes))
}

/// A turn with this content, and everything else through a function.
pub(crate) fn turn_of(message: &Message, content: Value, mut value_of: impl FnMut(&Json) -> Value) -> Value {
    let mut entries: Vec<(&str, Value)> =
        vec![("role", Value::from(message.role.as_str())), ("content", content)];
    entries.extend(message.extra.iter().map(|(name, value)| (name.as_str(), value_of(value))));
    if let Some(thought) =
        THOUGHTS.iter().find_map(|name| message.extra.get(*name).filter(|value| !value.is_null()))
    {
        let thought = value_of(thought);
        // As transformers does: `thinking` comes first, and keeps its value. A template that prints a whole turn shows it.
        let at = entries.iter().position(|(name, _)| *name == "thinking");
        let thinking = at.map_or_else(|| thought.clone(), |at| entries.remove(at).1);
        entries.insert(0, ("thinking", thinking));
        match entries.iter_mut().find(|(name, _)| *name == "reasoning_content") {
            Some((_, value)) => *value = thought,
            None => entries.push(("reasoning_content", thought)),
        }
    }
    Value::from_pairs(entries)
}

/// A JSON value as the engine has it, with numbers as Python writes them.
pub(crate) fn from_json(value: &Json, n_bytes: &mut usize) -> Value {
    *n_bytes += 8;
    match value {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::from(value),
            (None, Some(value)) => Value::from(value),
            (None, None) => python::float_value(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => {
            *n_bytes += text.len();
            Value::from(text.as_str())
        }
        Json::Array(items) => items.iter().map(|item| from_json(item, n_bytes)).collect(),
        Json::Object(fields) => match crate::json::spelled_number(value) {
            Some(spelled) => python::spelled_number(spelled),
            None => Value::from_pairs(fields.iter().map(|(name, value)| {
                *n_bytes += name.len();
                (name.as_str(), from_json(value, n_bytes))
            })),
        },
    }
}
