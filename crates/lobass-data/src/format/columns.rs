//! A column mapping as a person writes it.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::{ConversationLayout, Layout, PairLayout, PreferenceLayout, detect, turns};
use crate::Error;

/// Which columns hold what: `prompt=question,response=answer`, `messages=dialog`, or `chosen=good,rejected=bad`.
///
/// Keys are `prompt`, `query`, `response`, `system`, `history`, `tools`, and `id` for rows that are a prompt and a
/// response; `messages`, `system`, `tools`, and `id` for rows that are conversations; `chosen` and `rejected` for rows
/// with two responses, with the prompt as in either or in both responses. They are those of LLaMA-Factory's
/// `dataset_info.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnMap {
    pub(super) prompt: Option<String>,
    pub(super) query: Option<String>,
    pub(super) response: Option<String>,
    pub(super) system: Option<String>,
    pub(super) history: Option<String>,
    pub(super) messages: Option<String>,
    pub(super) chosen: Option<String>,
    pub(super) rejected: Option<String>,
    pub(super) tools: Option<String>,
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
            "chosen" => &mut self.chosen,
            "rejected" => &mut self.rejected,
            "tools" => &mut self.tools,
            "id" => &mut self.id,
            _ => return None,
        })
    }

    /// The layout of these columns; the first rows decide the names in turns.
    ///
    /// Columns that the mapping leaves out are those of the format that the rows would have by themselves.
    pub fn layout(&self, first: &[Map<String, Value>]) -> Option<Layout> {
        let mut layout = match (&self.messages, &self.prompt, &self.response) {
            _ if self.is_preference() => Layout::Preference(self.preference(first)?),
            (Some(messages), ..) => Layout::Conversation(turns_layout(messages, first)),
            (None, Some(prompt), Some(response)) => Layout::Pair(PairLayout::new(prompt, response)),
            (None, ..) => first.iter().find_map(detect)?.1,
        };
        match &mut layout {
            Layout::Pair(pair) | Layout::Preference(PreferenceLayout::Columns { chosen: pair, .. }) => {
                replace(&mut pair.prompt, self.prompt.as_ref());
                replace(&mut pair.response, self.response.as_ref());
                replace(&mut pair.id, self.id.as_ref());
                self.or_usual(self.query.as_ref(), &mut pair.query);
                self.or_usual(self.system.as_ref(), &mut pair.system);
                self.or_usual(self.history.as_ref(), &mut pair.history);
                pair.beside.tools.clone_from(&self.tools);
            }
            Layout::Conversation(turns)
            | Layout::Preference(
                PreferenceLayout::Turns { prompt: turns, .. } | PreferenceLayout::Whole { chosen: turns, .. },
            ) => {
                replace(&mut turns.id, self.id.as_ref());
                self.or_usual(self.system.as_ref(), &mut turns.system);
                turns.beside.tools.clone_from(&self.tools);
            }
            Layout::Prompt(prompts) => {
                replace(&mut prompts.prompt, self.prompt.as_ref());
                replace(&mut prompts.id, self.id.as_ref());
            }
        }
        Some(layout)
    }

    /// Refuses a layout that uses one column twice: once by the mapping, and once by the format.
    pub(crate) fn check(&self, layout: &Layout) -> Result<(), Error> {
        match layout.repeated_column() {
            None => Ok(()),
            Some(column) => Err(Error::Columns {
                mapping: self.named().collect::<Vec<_>>().join(", "),
                reason: format!(
                    "`{column}` would be both prompt and response; say with `prompt=`, `response=` which columns are"
                ),
            }),
        }
    }

    fn is_preference(&self) -> bool {
        self.chosen.is_some() || self.rejected.is_some()
    }

    /// The layout of rows with two responses; without a prompt column of the mapping, the first rows tell where it is.
    fn preference(&self, first: &[Map<String, Value>]) -> Option<PreferenceLayout> {
        let chosen = self.chosen.as_deref().unwrap_or("chosen");
        let rejected = self.rejected.as_deref().unwrap_or("rejected");
        match (&self.messages, &self.prompt) {
            (Some(messages), _) => Some(PreferenceLayout::Turns {
                prompt: turns_layout(messages, first),
                chosen: chosen.to_owned(),
                rejected: rejected.to_owned(),
            }),
            (None, Some(prompt)) => {
                let told = first.iter().find(|row| row.contains_key(prompt) && row.contains_key(chosen));
                Some(match told {
                    Some(row) => PreferenceLayout::with_prompt(row, prompt, chosen, rejected),
                    None => PreferenceLayout::columns_of(prompt, chosen, rejected),
                })
            }
            (None, None) => first.iter().find_map(|row| PreferenceLayout::of(row, chosen, rejected)),
        }
    }

    /// The columns that the mapping names.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.contents().chain(self.id.as_deref())
    }

    /// The named columns whose content is shown. The column of row names is not one: it may be any column.
    fn contents(&self) -> impl Iterator<Item = &str> {
        let prompt = [&self.prompt, &self.query, &self.system, &self.history, &self.messages];
        let responses = [&self.response, &self.chosen, &self.rejected];
        prompt.into_iter().chain(responses).chain([&self.tools]).flatten().map(String::as_str)
    }

    /// Sets an optional column: the given one, or else the one of the format if the mapping does not use it otherwise.
    fn or_usual(&self, given: Option<&String>, usual: &mut Option<String>) {
        let usual_one = usual.take().filter(|usual| !self.contents().any(|named| named == usual));
        *usual = given.cloned().or(usual_one);
    }
}

fn replace(slot: &mut String, name: Option<&String>) {
    if let Some(name) = name {
        slot.clone_from(name);
    }
}

fn turns_layout(column: &str, rows: &[Map<String, Value>]) -> ConversationLayout {
    let like = |row: &Map<String, Value>| {
        ConversationLayout::told_like(column, turns::of_column(row.get(column)?)?.first()?)
    };
    rows.iter().find_map(like).unwrap_or_else(|| ConversationLayout::messages(column))
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
                    "expected one of prompt, query, response, system, history, messages, chosen, rejected, tools, id; \
                     found `{}`",
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
        let mut contents: Vec<&str> = map.contents().collect();
        contents.sort_unstable();
        if let Some([column, _]) = contents.array_windows().find(|[one, other]| one == other) {
            return Err(fail(format!("expected another column for each key, found `{column}` twice")));
        }
        if map.is_preference() && map.response.is_some() {
            return Err(fail("rows have either `response` or `chosen` and `rejected`".to_owned()));
        }
        Ok(map)
    }
}
