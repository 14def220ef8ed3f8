//! A column mapping as a person writes it.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::{ConversationLayout, Layout, PairLayout, detect};
use crate::Error;

/// Which columns hold what: `prompt=question,response=answer` or `messages=dialog`.
///
/// Keys are `prompt`, `query`, `response`, `system`, `history`, and `id` for rows that are pairs; `messages`,
/// `system`, and `id` for rows that are conversations. They are those of LLaMA-Factory's `dataset_info.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnMap {
    pub(super) prompt: Option<String>,
    pub(super) query: Option<String>,
    pub(super) response: Option<String>,
    pub(super) system: Option<String>,
    pub(super) history: Option<String>,
    pub(super) messages: Option<String>,
    pub(super) id: Option<String>,
}

impl ColumnMap {
    pub(super) fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "prompt" => &mut self.prompt,
            "query" => &mut self.query,
            "response" => &mut self.response,
            "system" => &mut self.system,
            "history" => &mut self.history,
            "messages" => &mut self.messages,
            "id" => &mut self.id,
            _ => return None,
        })
    }

    /// The layout these columns make; the first rows tell in which words turns are told.
    ///
    /// Columns that the mapping leaves out are those of the format that the rows would have by themselves.
    pub fn layout(&self, first: &[Map<String, Value>]) -> Option<Layout> {
        let mut layout = match (&self.messages, &self.prompt, &self.response) {
            (Some(messages), ..) => Layout::Conversation(turns_layout(messages, first)),
            (None, Some(prompt), Some(response)) => Layout::Pair(PairLayout::new(prompt, response)),
            (None, ..) => first.iter().find_map(detect)?.1,
        };
        match &mut layout {
            Layout::Pair(pair) => {
                replace(&mut pair.prompt, self.prompt.as_ref());
                replace(&mut pair.response, self.response.as_ref());
                replace(&mut pair.id, self.id.as_ref());
                pair.query = self.query.clone().or(pair.query.take());
                pair.system = self.system.clone().or(pair.system.take());
                pair.history = self.history.clone().or(pair.history.take());
            }
            Layout::Conversation(conversation) => {
                replace(&mut conversation.id, self.id.as_ref());
                conversation.system = self.system.clone().or(conversation.system.take());
            }
        }
        Some(layout)
    }

    /// The columns that the mapping names.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        [&self.prompt, &self.query, &self.response, &self.system, &self.history, &self.messages, &self.id]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

fn replace(slot: &mut String, name: Option<&String>) {
    if let Some(name) = name {
        slot.clone_from(name);
    }
}

fn turns_layout(column: &str, rows: &[Map<String, Value>]) -> ConversationLayout {
    let first_turn = |row: &Map<String, Value>| row.get(column)?.as_array()?.first()?.as_object().cloned();
    match rows.iter().find_map(first_turn) {
        Some(turn) if turn.contains_key("from") => ConversationLayout::sharegpt(column),
        _ => ConversationLayout::messages(column),
    }
}

impl FromStr for ColumnMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: String| Error::Columns { mapping: text.to_owned(), reason };
        let mut map = Self::default();
        for part in text.split(',') {
            let (key, column) =
                part.split_once('=').ok_or_else(|| fail(format!("expected `key=column`, found `{part}`")))?;
            let slot = map.slot(key.trim()).ok_or_else(|| {
                fail(format!(
                    "expected one of prompt, query, response, system, history, messages, id; found `{}`",
                    key.trim()
                ))
            })?;
            if slot.replace(column.trim().to_owned()).is_some() {
                return Err(fail(format!("`{}` is given twice", key.trim())));
            }
        }
        if map.messages.is_some() && (map.prompt.is_some() || map.response.is_some()) {
            return Err(fail("rows are either `messages` or `prompt` and `response`".to_owned()));
        }
        Ok(map)
    }
}
