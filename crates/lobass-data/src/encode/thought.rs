//! The thought of a turn before its answer.

use crate::Message;
use crate::template::THOUGHTS;

/// Markers around thoughts, in the templates that write an empty thought if the data has none.
const MARKS: [(&str, &str); 3] = [
    ("<think>", "</think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
];

/// The answer of a reasoning model after its thought.
pub(super) fn answer_of(content: &str) -> &str {
    content.rsplit_once("</think>").map_or("", |(_, answer)| answer)
}

/// The thought of a turn, in the reply or beside it.
pub(super) fn thought_of(message: &Message) -> Option<&str> {
    let beside = THOUGHTS.iter().find_map(|name| message.extra.get(*name)?.as_str());
    let inside = message
        .content
        .rsplit_once("</think>")
        .map(|(thought, _)| thought.trim().trim_start_matches("<think>"));
    beside.or(inside).map(str::trim).filter(|thought| !thought.is_empty())
}

/// A text without the empty thought that it begins with; the generation prompt may have opened it.
pub(super) fn without_empty_thought(text: &str) -> &str {
    let text = text.trim_start();
    let rest = MARKS
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open).unwrap_or(text).trim_start().strip_prefix(close));
    rest.unwrap_or(text).trim_start()
}
