//! Responses that break off.

use super::refusal::whole;
use super::{Turn, quoted};

/// Whether a response of prose ends in a letter or a comma. Titles, lists, and lines of verse do so too.
pub(super) fn truncated(turn: &Turn<'_>, least: f64) -> Option<String> {
    let text = turn.response.text.trim_end();
    let last = text.chars().next_back()?;
    let line = text.lines().next_back().unwrap_or_default();
    let n_words = crate::words::words(line).count();
    let is_list = line.trim_start().starts_with(|sign: char| !sign.is_alphabetic());
    let is_code = text.contains("```") || text.contains("</") || text.contains(" = ") || text.contains("();");
    let breaks_off = last.is_alphanumeric() || matches!(last, ',' | ';' | '-');
    let is_tag =
        line.split(' ').next_back().is_some_and(|word| word.starts_with(['#', '@']) || word.contains("://"));
    let is_verse = turn.asked.mentions("song poem lyrics verse verses haiku sonnet rap tweet title titles");
    if is_tag || is_verse {
        return None;
    }
    if turn.response.n_words() < whole(least) || !breaks_off || is_list || is_code || n_words < 8 {
        return None;
    }
    let start = text.char_indices().rev().nth(40).map_or(0, |(at, _)| at);
    Some(format!("the response of {} words ends with {}", turn.response.n_words(), quoted(&text[start..])))
}
