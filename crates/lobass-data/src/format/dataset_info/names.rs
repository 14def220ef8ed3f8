//! The columns and tags of an entry.
//!
//! Each has a default. An entry with `columns` must name every column that it has, and likewise with `tags`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Role;
use crate::format::{ConversationLayout, NamedColumns, PairLayout};

/// How the rows of an entry are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Formatting {
    /// A column for each part.
    Alpaca,
    /// A list of turns.
    Turns,
}

const COMMON: [&str; 5] = ["system", "tools", "images", "videos", "audios"];
const OF_PAIRS: [&str; 4] = ["prompt", "query", "response", "history"];
const RESPONSES: [&str; 2] = ["chosen", "rejected"];
const TAGS: [&str; 7] =
    ["role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag"];

/// Names of columns and tags; `None` for an entry without them, which has the defaults.
pub(super) struct Names {
    columns: Option<BTreeMap<String, String>>,
    tags: Option<BTreeMap<String, String>>,
    /// The columns that the entry names and that are read.
    named: Vec<String>,
}

impl Names {
    pub(super) fn read(
        entry: &Map<String, Value>,
        formatting: Formatting,
        ranking: bool,
        not_taken: &mut Vec<String>,
    ) -> Result<Self, String> {
        let columns = names(entry, "columns")?;
        let tags = names(entry, "tags")?;
        if columns.as_ref().is_some_and(|columns| columns.contains_key("kto_tag")) {
            return Err("`kto_tag`: expected responses to be learned, found responses that are good or bad"
                .to_owned());
        }
        let is_read = |key: &str| match formatting {
            _ if COMMON.contains(&key) => true,
            _ if RESPONSES.contains(&key) => ranking,
            Formatting::Alpaca => OF_PAIRS.contains(&key),
            Formatting::Turns => key == "messages",
        };
        let mut named = Vec::new();
        for (key, column) in columns.iter().flatten() {
            if is_read(key) {
                named.push(column.clone());
            } else {
                not_taken.push(format!("`columns.{key}`: LLaMA-Factory reads no such column of these rows"));
            }
        }
        let has_turns = formatting == Formatting::Turns;
        for key in
            tags.iter().flat_map(BTreeMap::keys).filter(|key| !has_turns || !TAGS.contains(&key.as_str()))
        {
            not_taken.push(format!("`tags.{key}`: LLaMA-Factory reads no such tag of these rows"));
        }
        Ok(Self { columns, tags, named })
    }

    /// The columns that the entry names, which have to exist.
    pub(super) fn into_columns(self) -> Vec<String> {
        self.named
    }

    /// A column, with its default where the entry names no columns.
    fn column(&self, key: &str, default: Option<&str>) -> Option<String> {
        match &self.columns {
            None => default.map(str::to_owned),
            Some(columns) => columns.get(key).cloned(),
        }
    }

    fn tag(&self, key: &str, default: &str) -> Option<String> {
        match &self.tags {
            None => Some(default.to_owned()),
            Some(tags) => tags.get(key).cloned(),
        }
    }

    fn needed_tag(&self, key: &str, default: &str) -> Result<String, String> {
        self.tag(key, default).ok_or_else(|| missing("tags", key))
    }

    /// The columns of the chosen and the rejected response, which have no defaults.
    pub(super) fn responses(&self) -> Result<[String; 2], String> {
        match RESPONSES.map(|key| self.column(key, None)) {
            [Some(chosen), Some(rejected)] => Ok([chosen, rejected]),
            _ => Err("`ranking` needs the columns `chosen` and `rejected`".to_owned()),
        }
    }

    pub(super) fn response(&self) -> Result<String, String> {
        self.column("response", Some("output")).ok_or_else(|| missing("columns", "response"))
    }

    /// The columns of tools and of media, under the names that the entry gives them.
    fn beside(&self) -> NamedColumns {
        let media =
            ["images", "videos", "audios"].into_iter().filter_map(|key| self.column(key, None)).collect();
        NamedColumns { tools: self.column("tools", None), media }
    }

    /// A prompt and a response. A query is a second part of the prompt, or all of it.
    pub(super) fn pair(&self, response: String) -> Result<PairLayout, String> {
        let query = self.column("query", Some("input"));
        let (prompt, query) = match (self.column("prompt", Some("instruction")), query) {
            (Some(prompt), query) => (prompt, query),
            (None, Some(query)) => (query, None),
            (None, None) => return Err(missing("columns", "prompt")),
        };
        Ok(PairLayout {
            prompt,
            query,
            response,
            system: self.column("system", None),
            history: self.column("history", None),
            id: "id".to_owned(),
            roles: BTreeMap::new(),
            beside: self.beside(),
        })
    }

    pub(super) fn conversation(&self) -> Result<ConversationLayout, String> {
        let messages =
            self.column("messages", Some("conversations")).ok_or_else(|| missing("columns", "messages"))?;
        let function = self.tag("function_tag", "function_call");
        let mut roles = BTreeMap::from([
            (self.needed_tag("user_tag", "human")?, Role::User),
            (self.needed_tag("assistant_tag", "gpt")?, Role::Assistant),
        ]);
        let others = [
            (self.tag("observation_tag", "observation"), Role::Tool),
            (function.clone(), Role::Assistant),
            (self.tag("system_tag", "system"), Role::System),
        ];
        roles.extend(others.into_iter().filter_map(|(tag, role)| Some((tag?, role))));
        Ok(ConversationLayout {
            role: self.needed_tag("role_tag", "from")?,
            content: self.needed_tag("content_tag", "value")?,
            roles,
            calls: function.into_iter().collect(),
            beside: self.beside(),
            system: self.column("system", None),
            ..ConversationLayout::messages(&messages)
        })
    }
}

/// A fault of a value in words.
pub(super) fn expected(key: &str, what: &str, found: &Value) -> String {
    format!("{key}: expected {what}, found {found}")
}

fn missing(map: &str, key: &str) -> String {
    format!("`{map}`: expected `{key}`; an entry with `{map}` has no default for it")
}

/// A map of names. Nothing and an empty text are no name.
fn names(entry: &Map<String, Value>, key: &str) -> Result<Option<BTreeMap<String, String>>, String> {
    let Some(value) = entry.get(key) else { return Ok(None) };
    let map = value.as_object().ok_or_else(|| expected(&format!("`{key}`"), "a map of names", value))?;
    let mut names = BTreeMap::new();
    for (name, value) in map {
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => {
                names.insert(name.clone(), text.clone());
            }
            other => return Err(expected(&format!("`{key}.{name}`"), "a name", other)),
        }
    }
    Ok(Some(names))
}
