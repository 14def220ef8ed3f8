//! Telling a format from the columns of a row.

use serde_json::{Map, Value};

use super::{ConversationLayout, FormatName, Layout};

/// Recognises the format of a row by its columns; `None` if they are those of no known format.
///
/// The word used for a list of turns is not enough: `conversations` may hold `from` and `value` or `role` and
/// `content`, so its first turn decides.
pub fn detect(row: &Map<String, Value>) -> Option<(FormatName, Layout)> {
    for name in ["messages", "conversations", "conversation"] {
        if let Some(Value::Array(turns)) = row.get(name) {
            return detect_turns(name, turns.first()?);
        }
    }
    let has = |name: &str| row.contains_key(name);
    let name = match () {
        () if has("instruction") && has("output") => FormatName::Alpaca,
        () if has("instruction") && has("response") => FormatName::Dolly,
        () if has("prompt") && has("completion") => FormatName::PromptCompletion,
        () if has("question") && has("answer") => FormatName::QuestionAnswer,
        () => return None,
    };
    Some((name, name.layout()))
}

fn detect_turns(column: &str, turn: &Value) -> Option<(FormatName, Layout)> {
    let turn = turn.as_object()?;
    if turn.contains_key("role") {
        Some((FormatName::Messages, Layout::Conversation(ConversationLayout::messages(column))))
    } else if turn.contains_key("from") {
        Some((FormatName::ShareGpt, Layout::Conversation(ConversationLayout::sharegpt(column))))
    } else {
        None
    }
}
