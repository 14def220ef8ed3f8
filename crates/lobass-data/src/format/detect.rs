//! Telling a format from the columns of a row.

use serde_json::{Map, Value};

use super::{ConversationLayout, FormatName, Layout, PreferenceLayout, PromptLayout, turns};
use crate::json::kind_of;

/// The usual names of a column of turns.
const TURNS: [&str; 3] = ["messages", "conversations", "conversation"];

/// The column of turns of rows that are in no known format, and what it holds instead.
pub(crate) fn not_turns(rows: &[Map<String, Value>]) -> Option<(String, String)> {
    let held = |row: &Map<String, Value>| {
        let is_pair = row.contains_key("chosen") && row.contains_key("rejected");
        let mut names = TURNS.into_iter().chain(is_pair.then_some("chosen"));
        let (name, value) = names.find_map(|name| Some((name, row.get(name)?)))?;
        let found = match value {
            Value::Array(turns) => match turns.first() {
                None => "an empty list".to_owned(),
                Some(Value::Object(turn)) => format!("a list of objects with {}", keys(turn)),
                Some(other) => format!("a list that begins with {}", kind_of(other)),
            },
            Value::Object(turn) => format!("an object with {}", keys(turn)),
            other => kind_of(other).to_owned(),
        };
        Some((name.to_owned(), found))
    };
    rows.iter().find_map(held)
}

fn keys(fields: &Map<String, Value>) -> String {
    fields.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// Recognizes the format of a row by its columns; `None` if they are those of no known format.
///
/// The word used for a list of turns is not enough: `conversations` may hold `from` and `value` or `role` and
/// `content`, so its first turn decides. Rows are pairs only if they have no single response to learn: whatever else
/// stands beside one is an extra column.
pub fn detect(row: &Map<String, Value>) -> Option<(FormatName, Layout)> {
    for name in TURNS {
        if let Some(turns) = row.get(name).and_then(turns::of_column) {
            return detect_turns(row, name, &turns);
        }
    }
    let has = |name: &str| row.contains_key(name);
    let name = match () {
        () if has("instruction") && has("output") => FormatName::Alpaca,
        () if has("instruction") && has("response") => FormatName::Dolly,
        () if has("prompt") && has("completion") => FormatName::PromptCompletion,
        () if has("question") && has("answer") => FormatName::QuestionAnswer,
        () => return detect_preference(row),
    };
    Some((name, name.layout()))
}

/// Recognizes rows that are looked for elsewhere and need no response: by a known format, if they can be read so, or else
/// by the usual names of a prompt.
pub(crate) fn detect_prompts(rows: &[Map<String, Value>]) -> Option<(Option<FormatName>, Layout)> {
    let reads = |layout: &Layout| rows.iter().any(|row| layout.example(row).is_ok());
    let known = rows.iter().find_map(detect).filter(|(_, layout)| reads(layout));
    known
        .map(|(name, layout)| (Some(name), layout))
        .or_else(|| PromptLayout::of(rows).map(|layout| (None, Layout::Prompt(layout))))
}

/// Recognizes a pair by the usual names of its responses.
pub(crate) fn detect_preference(row: &Map<String, Value>) -> Option<(FormatName, Layout)> {
    let layout = PreferenceLayout::of(row, "chosen", "rejected")?;
    Some((FormatName::Preference, Layout::Preference(layout)))
}

fn detect_turns(row: &Map<String, Value>, column: &str, turns: &[Value]) -> Option<(FormatName, Layout)> {
    let layout = ConversationLayout::told_like(column, turns.first()?)?;
    let is_ranked = !layout.is_answered(turns) && row.get("chosen").is_some_and(Value::is_object);
    if let Some(found) = is_ranked.then(|| detect_preference(row)).flatten() {
        return Some(found);
    }
    let name = if layout.role == "role" { FormatName::Messages } else { FormatName::ShareGpt };
    Some((name, Layout::Conversation(layout)))
}
