//! Rows with all turns in one list column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field;
use crate::container::kind_of;
use crate::{Example, Message, Role, RowFault};

/// One list column with all turns, and the words in which its turns are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationLayout {
    /// The list of turns.
    pub messages: String,
    /// The field of a turn that says who speaks.
    pub role: String,
    /// The field of a turn that says what is said.
    pub content: String,
    /// The words used for each role.
    pub roles: BTreeMap<String, Role>,
    /// A system message beside the list.
    pub system: Option<String>,
    /// The row's name.
    pub id: String,
}

/// The words for roles that are found in the wild.
const ROLES: [(&str, Role); 16] = [
    ("system", Role::System),
    ("developer", Role::System),
    ("user", Role::User),
    ("human", Role::User),
    ("assistant", Role::Assistant),
    ("gpt", Role::Assistant),
    ("chatgpt", Role::Assistant),
    ("bot", Role::Assistant),
    ("bing", Role::Assistant),
    ("bard", Role::Assistant),
    ("model", Role::Assistant),
    ("function_call", Role::Assistant),
    ("tool", Role::Tool),
    ("observation", Role::Tool),
    ("function", Role::Tool),
    ("function_response", Role::Tool),
];

impl ConversationLayout {
    fn new(messages: &str, role: &str, content: &str) -> Self {
        Self {
            messages: messages.to_owned(),
            role: role.to_owned(),
            content: content.to_owned(),
            roles: ROLES.iter().map(|(word, role)| ((*word).to_owned(), *role)).collect(),
            system: Some("system".to_owned()),
            id: "id".to_owned(),
        }
    }

    /// Turns of `from` and `value`.
    pub fn sharegpt(messages: &str) -> Self {
        Self::new(messages, "from", "value")
    }

    /// Turns of `role` and `content`.
    pub fn messages(messages: &str) -> Self {
        Self::new(messages, "role", "content")
    }

    /// Turns in the words of this one; `None` for what is no turn.
    pub(super) fn told_like(column: &str, turn: &Value) -> Option<Self> {
        let turn = turn.as_object()?;
        if turn.contains_key("role") {
            Some(Self::messages(column))
        } else if turn.contains_key("from") {
            Some(Self::sharegpt(column))
        } else {
            None
        }
    }

    /// Who speaks in a turn, if it says so in words that are known.
    fn speaker(&self, turn: &Value) -> Option<Role> {
        self.roles.get(turn.get(&self.role)?.as_str()?).copied()
    }

    /// Whether a list of turns is a conversation from its beginning, not only what follows a prompt.
    pub(super) fn begins_with_user(&self, turns: &Value) -> bool {
        let speakers = turns.as_array().into_iter().flatten().filter_map(|turn| self.speaker(turn));
        speakers.into_iter().find(|role| *role != Role::System) == Some(Role::User)
    }

    /// Whether a list of turns has its answer already.
    pub(super) fn is_answered(&self, turns: &[Value]) -> bool {
        turns.last().and_then(|turn| self.speaker(turn)) == Some(Role::Assistant)
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        let system = self.system.as_deref();
        [self.messages.as_str(), self.id.as_str(), field::TOOLS].into_iter().chain(system).collect()
    }

    pub(super) fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        let mut messages = self.turns(row)?;
        self.insert_system(row, &mut messages)?;
        Ok(Example {
            id: field::identity(row, &self.id),
            messages,
            rejected: None,
            tools: field::tools(row)?,
            ..Example::default()
        })
    }

    /// Puts the system message beside the list before its turns.
    pub(super) fn insert_system(
        &self,
        row: &Map<String, Value>,
        messages: &mut Vec<Message>,
    ) -> Result<(), RowFault> {
        let system = self.system.as_deref().map(|name| field::text(row, name)).transpose()?.flatten();
        if let Some(system) = system.filter(|system| !system.is_empty()) {
            if messages.first().is_some_and(|first| first.role == Role::System) {
                return Err(RowFault::malformed(
                    "two system messages: one beside the turns and one among them",
                ));
            }
            messages.insert(0, Message::new(Role::System, system));
        }
        Ok(())
    }

    pub(super) fn turns(&self, row: &Map<String, Value>) -> Result<Vec<Message>, RowFault> {
        self.turns_in(row, &self.messages)
    }

    /// The turns of a list column, told as those of this layout.
    pub(super) fn turns_in(&self, row: &Map<String, Value>, column: &str) -> Result<Vec<Message>, RowFault> {
        let turns = field::required_list(row, column)?;
        turns
            .iter()
            .enumerate()
            .map(|(at, turn)| {
                self.turn(turn).map_err(|fault| RowFault {
                    reason: format!("`{column}`, turn {}: {}", at + 1, fault.reason),
                    ..fault
                })
            })
            .collect()
    }

    /// One turn, told as those of this layout.
    pub(super) fn turn(&self, turn: &Value) -> Result<Message, RowFault> {
        let Value::Object(turn) = turn else {
            return Err(RowFault::malformed(format!("expected an object, found {}", kind_of(turn))));
        };
        let word = field::required_text(turn, &self.role)?;
        let role = *self.roles.get(word).ok_or_else(|| {
            let known: Vec<_> = self.roles.keys().map(|word| format!("`{word}`")).collect();
            RowFault::malformed(format!("expected a role of {}, found `{word}`", known.join(", ")))
        })?;
        let extra: Map<String, Value> = turn
            .iter()
            .filter(|(name, value)| **name != self.role && **name != self.content && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let content = self.content(turn, extra.contains_key("tool_calls"))?;
        Ok(Message { extra, ..Message::new(role, content) })
    }

    /// Text, or a list of text parts; a turn that only calls tools may have none.
    fn content(&self, turn: &Map<String, Value>, calls_tools: bool) -> Result<String, RowFault> {
        match turn.get(&self.content) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Array(parts)) => parts.iter().map(|part| self.part(part)).collect(),
            None | Some(Value::Null) if calls_tools => Ok(String::new()),
            None | Some(Value::Null) => Err(field::missing(turn, &self.content)),
            Some(other) => Err(field::wrong_type(&self.content, "a string", other)),
        }
    }

    fn part<'a>(&self, part: &'a Value) -> Result<&'a str, RowFault> {
        match (part.get("type").and_then(Value::as_str), part.get("text").and_then(Value::as_str)) {
            (Some("text"), Some(text)) => Ok(text),
            (kind, _) => {
                let found =
                    kind.map_or_else(|| kind_of(part).to_owned(), |kind| format!("a part of type `{kind}`"));
                Err(RowFault::malformed(format!(
                    "field `{}`: expected parts of text, found {found}",
                    self.content
                )))
            }
        }
    }
}
