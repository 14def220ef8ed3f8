//! Rows with a prompt column and a response column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::conversation::ConversationLayout;
use super::{NamedColumns, field, turns};
use crate::{Example, Message, Role, RowFault, json};

/// The fields of a turn with the prompt and its input apart, beside the content, which joins both. The template of
/// Alpaca places them itself.
pub(crate) const JOINED: [&str; 2] = ["instruction", "input"];

/// One column with the prompt, one with the response, and what may stand beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairLayout {
    /// The instruction or question; text, or a list of messages.
    pub prompt: String,
    /// Further input to the instruction, on separate lines.
    pub query: Option<String>,
    /// The response; text, or a list of messages.
    pub response: String,
    /// The system message.
    pub system: Option<String>,
    /// Earlier turns, a list of `[prompt, response]` pairs; their responses are scored too, as LLaMA-Factory does.
    pub history: Option<String>,
    /// The row's name.
    pub id: String,
    /// Further words for roles, where the prompt or the response is a list of messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Role>,
    /// Columns beside it that someone named.
    #[serde(default, skip_serializing_if = "NamedColumns::is_empty")]
    pub beside: NamedColumns,
}

impl PairLayout {
    /// The two columns, with `system` and `id` under their usual names.
    pub fn new(prompt: &str, response: &str) -> Self {
        Self {
            prompt: prompt.to_owned(),
            query: None,
            response: response.to_owned(),
            system: Some("system".to_owned()),
            history: None,
            id: "id".to_owned(),
            roles: BTreeMap::new(),
            beside: NamedColumns::default(),
        }
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        let optional = [&self.query, &self.system, &self.history];
        let required = [&self.prompt, &self.response, &self.id];
        let named = required.into_iter().chain(optional.into_iter().flatten()).map(String::as_str);
        named.collect()
    }

    pub(super) fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        let mut messages = self.prompt_messages(row)?;
        messages.extend(self.response_messages(row, &self.response)?);
        Ok(Example { id: field::identity(row, &self.id), messages, ..Example::default() })
    }

    /// All that comes before the response.
    pub(super) fn prompt_messages(&self, row: &Map<String, Value>) -> Result<Vec<Message>, RowFault> {
        let mut messages = Vec::new();
        let system = self.system.as_deref().map(|name| field::text_or_parts(row, name)).transpose()?;
        if let Some(system) = system.flatten().filter(|system| !system.is_empty()) {
            messages.push(Message::new(Role::System, system.into_owned()));
        }
        self.push_history(row, &mut messages)?;
        self.push_prompt(row, &mut messages)?;
        Ok(messages)
    }

    fn push_history(&self, row: &Map<String, Value>, messages: &mut Vec<Message>) -> Result<(), RowFault> {
        let Some(name) = self.history.as_deref() else { return Ok(()) };
        let parsed;
        let pairs = match row.get(name) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(()),
            // CSV has lists as text.
            Some(text @ Value::String(words)) => {
                parsed = json::parse(words).ok().filter(Value::is_array);
                let list = parsed.as_ref().and_then(Value::as_array);
                list.ok_or_else(|| field::wrong_type(name, "a list of pairs, or one as JSON text", text))?
            }
            Some(_) => field::required_list(row, name)?,
        };
        for pair in pairs {
            match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(prompt), Value::String(response)]) => {
                    messages.push(Message::new(Role::User, prompt.as_str()));
                    messages.push(Message::new(Role::Assistant, response.as_str()));
                }
                _ => return Err(field::wrong_type(name, "pairs of prompt and response", pair)),
            }
        }
        Ok(())
    }

    fn push_prompt(&self, row: &Map<String, Value>, messages: &mut Vec<Message>) -> Result<(), RowFault> {
        if let Some(turns) = self.turns(row, &self.prompt)? {
            // Assistant turns of a prompt are context: only the completion is learned.
            messages.extend(turns.into_iter().map(|turn| Message { scored: false, ..turn }));
            return Ok(());
        }
        let instruction = field::required_text(row, &self.prompt)?;
        let query = optional(row, self.query.as_deref())?.unwrap_or_default();
        let mut message = Message::new(Role::User, instruction);
        if !query.is_empty() {
            let parts = JOINED.into_iter().zip([instruction, query]);
            message.extra.extend(parts.map(|(name, text)| (name.to_owned(), Value::from(text))));
            // LLaMA-Factory joins them in the same way: an empty part adds no line.
            let parts = [instruction, query].into_iter().filter(|part| !part.is_empty());
            message.content = parts.collect::<Vec<_>>().join("\n");
        }
        messages.push(message);
        Ok(())
    }

    /// The response in a column; text that is null is empty.
    pub(super) fn response_messages(
        &self,
        row: &Map<String, Value>,
        column: &str,
    ) -> Result<Vec<Message>, RowFault> {
        if let Some(turns) = self.turns(row, column)? {
            return Ok(turns);
        }
        if !row.contains_key(column) {
            return Err(field::missing(row, column, "text"));
        }
        let response = field::text(row, column)?.unwrap_or_default();
        Ok(vec![Message::new(Role::Assistant, response)])
    }

    /// The turns of a column that holds messages instead of text. Text that looks like JSON is text, as in TRL.
    fn turns(&self, row: &Map<String, Value>, name: &str) -> Result<Option<Vec<Message>>, RowFault> {
        let Some(value) = row.get(name) else { return Ok(None) };
        let told = match (value, turns::of(value)) {
            (Value::Array(turns), _) => {
                turns.first().and_then(|turn| ConversationLayout::told_like(name, turn))
            }
            (_, Some(turns)) if !turns.is_empty() => ConversationLayout::told_like(name, &turns[0]),
            _ => return Ok(None),
        };
        let mut layout = told.unwrap_or_else(|| ConversationLayout::messages(name));
        layout.roles.extend(self.roles.clone());
        layout.turns(row).map(Some)
    }
}

/// The text of a column that may not be there; empty text is no text.
fn optional<'a>(row: &'a Map<String, Value>, name: Option<&str>) -> Result<Option<&'a str>, RowFault> {
    let text = name.map(|name| field::text(row, name)).transpose()?.flatten();
    Ok(text.filter(|text| !text.is_empty()))
}
