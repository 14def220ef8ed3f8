//! Responses that say nothing.

use super::{Turn, quoted};

/// Texts that stand for nothing, in lower case and without the symbols around them.
const NOTHING: [&str; 14] = [
    "n/a",
    "na",
    "nan",
    "null",
    "undefined",
    "tbd",
    "nooutput",
    "no output",
    "noinput",
    "no input",
    "no answer",
    "no response",
    "not applicable",
    "not available",
];
/// Words that stand for nothing only in brackets: alone, they are answers.
const IN_BRACKETS: [&str; 4] = ["output", "empty", "blank", "nil"];
/// Questions that some of these answer.
const ANSWERED: &str =
    "null nan undefined nil tbd na sodium empty blank output response applicable available code programming";

/// Whether a response is a word for nothing, or has no visible character.
pub(super) fn empty(turn: &Turn<'_>) -> Option<String> {
    let text = turn.response.text.trim();
    let lower = text.chars().take(40).collect::<String>().to_lowercase();
    let bare = lower.trim_matches(|sign: char| !sign.is_alphanumeric());
    let is_nothing =
        NOTHING.contains(&bare) || IN_BRACKETS.contains(&bare) && text.starts_with(['<', '[', '(']);
    if text.chars().count() < 40 && is_nothing {
        return (!turn.asked.mentions(ANSWERED)).then(|| format!("the response is {}", quoted(text)));
    }
    let shows = |sign: char| !sign.is_whitespace() && !sign.is_control() && !is_invisible(sign);
    (!text.chars().any(shows)).then(|| "the response has no visible character".to_owned())
}

/// Spaces of no width, joiners, marks of direction, and the like.
fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
