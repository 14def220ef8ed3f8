//! Rows with all turns in one list column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{NamedColumns, calls, field, roles, turns};
use crate::{Example, Message, Role, RowFault};

/// One list column with all turns, and the names of fields in its turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationLayout {
    /// The list of turns.
    pub messages: String,
    /// The field of a turn that says who speaks.
    pub role: String,
    /// The field of a turn with its content.
    pub content: String,
    /// The words used for each role.
    pub roles: BTreeMap<String, Role>,
    /// Further words for turns that hold a call as JSON text, beside `function_call` and `tool_call`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// Columns beside it that someone named.
    #[serde(default, skip_serializing_if = "NamedColumns::is_empty")]
    pub beside: NamedColumns,
    /// A system message beside the list.
    pub system: Option<String>,
    /// The row's name.
    pub id: String,
}

impl ConversationLayout {
    fn new(messages: &str, role: &str, content: &str) -> Self {
        Self {
            messages: messages.to_owned(),
            role: role.to_owned(),
            content: content.to_owned(),
            roles: roles::known(),
            calls: Vec::new(),
            beside: NamedColumns::default(),
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
        let turn = turns::fields(turn)?;
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
        self.role_of(turns::fields(turn)?.get(&self.role)?.as_str()?)
    }

    /// Whether a list of turns is a conversation from its beginning, not only what follows a prompt.
    pub(super) fn begins_with_user(&self, turns: &[Value]) -> bool {
        turns.iter().filter_map(|turn| self.speaker(turn)).find(|role| !role.is_instruction())
            == Some(Role::User)
    }

    /// Whether a list of turns has its answer already.
    pub(super) fn is_answered(&self, turns: &[Value]) -> bool {
        turns.last().and_then(|turn| self.speaker(turn)) == Some(Role::Assistant)
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        let system = self.system.as_deref();
        [self.messages.as_str(), self.id.as_str()].into_iter().chain(system).collect()
    }

    pub(super) fn example(&self, row: &Map<String, Value>) -> Result<Example, RowFault> {
        let mut messages = self.turns(row)?;
        self.insert_system(row, &mut messages)?;
        Ok(Example { id: field::identity(row, &self.id), messages, ..Example::default() })
    }

    /// Puts the system message beside the list before its turns.
    pub(super) fn insert_system(
        &self,
        row: &Map<String, Value>,
        messages: &mut Vec<Message>,
    ) -> Result<(), RowFault> {
        let system =
            self.system.as_deref().map(|name| field::text_or_parts(row, name)).transpose()?.flatten();
        if let Some(system) = system.filter(|system| !system.is_empty()) {
            if messages.first().is_some_and(|first| first.role == Role::System) {
                return Err(RowFault::malformed(
                    "two system messages: one beside the turns and one among them",
                ));
            }
            messages.insert(0, Message::new(Role::System, system.into_owned()));
        }
        Ok(())
    }

    pub(super) fn turns(&self, row: &Map<String, Value>) -> Result<Vec<Message>, RowFault> {
        self.turns_in(row, &self.messages)
    }

    /// The turns of a list column, told as those of this layout.
    pub(super) fn turns_in(&self, row: &Map<String, Value>, column: &str) -> Result<Vec<Message>, RowFault> {
        let turns = field::turns(row, column)?;
        let mut messages: Vec<Message> = Vec::new();
        for (at, turn) in turns.iter().enumerate() {
            let mut message = self.turn(turn).map_err(|fault| RowFault {
                reason: format!("`{column}`, turn {}: {}", at + 1, fault.reason),
                ..fault
            })?;
            let is_call = turn.get(&self.role).and_then(Value::as_str).is_some_and(|word| self.is_call(word));
            let joined = is_call && messages.last_mut().is_some_and(|last| calls::join(last, &mut message));
            if !joined {
                messages.push(message);
            }
        }
        Ok(messages)
    }
}
