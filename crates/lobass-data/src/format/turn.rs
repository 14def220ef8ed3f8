//! One turn of a conversation.

use serde_json::{Map, Value};

use super::parts::{self, Content};
use super::{ConversationLayout, calls, field, media, turns, weight};
use crate::json::kind_of;
use crate::{Message, Role, RowFault};

/// The field in which templates look for what a model thought before it answered.
const THOUGHT: &str = "reasoning_content";
/// Everything that a field of thoughts is called.
pub(crate) const THOUGHTS: [&str; 3] = [THOUGHT, "reasoning", "thinking"];
const FURTHER_THOUGHT: &str = "thought";

impl ConversationLayout {
    /// One turn, told as those of this layout.
    ///
    /// A weight of 0 makes an assistant turn context. Fields that the layout does not know go to the template.
    pub(super) fn turn(&self, turn: &Value) -> Result<Message, RowFault> {
        let fields = turns::fields(turn)
            .ok_or_else(|| RowFault::malformed(format!("expected an object, found {}", kind_of(turn))))?;
        let word = field::required_text(&fields, &self.role)?;
        let role = self.role_of(word).ok_or_else(|| self.unknown_role(word))?;
        media::refuse(&fields, &[&self.content], &[])?;
        media::refuse_files(&fields, &[&self.content])?;
        let mut extra: Map<String, Value> = fields
            .iter()
            .filter(|(name, value)| **name != self.role && **name != self.content && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let counts = weight::take(&mut extra, role)?;
        calls::normalize(&mut extra)?;
        let mut content = self.content(&fields, role, &extra)?;
        let mut call_text = None;
        if let Some(calls) = self.is_call(word).then(|| calls::in_text(&content.text)).flatten() {
            call_text = Some(content.text);
            content = Content { calls, ..Content::default() };
        }
        if !content.calls.is_empty() {
            calls::push(&mut extra, content.calls);
        }
        if let Some(thought) = content.thought {
            // Beside a thought that the turn has already it is one more field, which no template knows.
            let has_one = THOUGHTS.iter().any(|name| extra.contains_key(*name));
            let name = if has_one { FURTHER_THOUGHT } else { THOUGHT };
            extra.insert(name.to_owned(), Value::from(thought));
        }
        let message = Message::new(role, content.text);
        let scored = message.scored && counts != Some(false);
        Ok(Message { parts: content.parts, call_text, extra, scored, ..message })
    }

    fn unknown_role(&self, word: &str) -> RowFault {
        let known: Vec<_> = self.roles.keys().map(|word| format!("`{word}`")).collect();
        RowFault::malformed(format!(
            "expected a role of {}, found `{word}`, which `--role {word}=ROLE` would explain",
            known.join(", ")
        ))
    }

    /// Text, or parts of text. An assistant turn may have none: then it only calls tools, or its answer is empty.
    fn content(
        &self,
        fields: &Map<String, Value>,
        role: Role,
        extra: &Map<String, Value>,
    ) -> Result<Content, RowFault> {
        match fields.get(&self.content) {
            Some(Value::String(text)) => Ok(Content { text: text.clone(), ..Content::default() }),
            Some(Value::Array(parts)) => parts::read(parts, &self.content),
            Some(part @ Value::Object(_)) => parts::read(std::slice::from_ref(part), &self.content),
            None | Some(Value::Null) if role == Role::Assistant && !has_text(extra) => {
                // What a model of OpenAI's says when it refuses to answer.
                let refusal = extra.get("refusal").and_then(Value::as_str).unwrap_or_default();
                Ok(Content { text: refusal.to_owned(), ..Content::default() })
            }
            None | Some(Value::Null) => Err(field::missing(fields, &self.content, "text")),
            Some(other) => Err(field::wrong_type(&self.content, "a string", other)),
        }
    }
}

/// Whether a turn has text in a field that no one knows, which may be its content under another name.
fn has_text(extra: &Map<String, Value>) -> bool {
    let is_known = |name: &str| THOUGHTS.contains(&name) || ["name", "tool_calls", "refusal"].contains(&name);
    let mut unknown = extra.iter().filter(|(name, _)| !is_known(name) && !name.ends_with("id"));
    !extra.contains_key("tool_calls") && unknown.any(|(_, value)| value.is_string())
}
