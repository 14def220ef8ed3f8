//! Characters that should not be there, and too many signs.

use super::{Turn, quoted};
use crate::damage;

/// Entities that appear in text only if it was not decoded.
const ENTITIES: [&str; 8] = ["&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;", "&#39;", "&apos;", "&#x27;"];

/// Places where text was broken on its way.
pub(super) fn broken(turn: &Turn<'_>, allowed: f64) -> Option<String> {
    let text = turn.response.text;
    let mut all = damage(text);
    let first = all.next();
    let mut n = usize::from(first.is_some()) + all.count();
    let mut first = first.map(|damage| (damage.at, damage.kind.what().to_owned()));
    let is_html =
        turn.asked.has_html || text.contains("</") || turn.asked.mentions("html entity entities escape xml");
    if !is_html {
        for entity in ENTITIES {
            n += text.matches(entity).count();
            first =
                first.or_else(|| Some((text.find(entity)?, format!("the HTML entity {}", quoted(entity)))));
        }
    }
    let (at, what) = first?;
    let begin = quoted(text[..at].split_whitespace().next_back().unwrap_or_default());
    let place = if begin.len() > 2 { format!("after {begin}") } else { "at the beginning".to_owned() };
    let more = if n > 1 { format!(", and {} more such places", n - 1) } else { String::new() };
    (n as f64 > allowed).then(|| format!("{what} {place}{more}"))
}

/// Words of a prompt that allow an answer of symbols.
const ASKS_FOR_SIGNS: &str = "emoji emojis emoticon emoticons symbol symbols sign signs ascii pattern pyramid triangle draw \
    diagram math equation formula expression code regex regular operator operators punctuation table chart morse calculate \
    solve simplify binary bracket brackets matrix xml json html css unicode dots dashes stars asterisks";

/// The number of symbols of a response (without spaces) up to which the rule is silent.
const FEW: usize = 20;

/// Whether letters and digits make too little of a response.
pub(super) fn symbols(turn: &Turn<'_>, least: f64) -> Option<String> {
    let (mut all, mut n) = (0_usize, 0_usize);
    // Rules, columns, and blanks of forms do not count.
    let counts = |sign: &char| !sign.is_whitespace() && !matches!(sign, '|' | '-' | '_' | '=' | '.');
    for sign in turn.response.text.chars().filter(counts) {
        all += 1;
        n += usize::from(sign.is_alphanumeric() || crate::words::is_unspaced(sign));
    }
    let share = n as f64 / all as f64;
    if all < FEW || share >= least || turn.asked.mentions(ASKS_FOR_SIGNS) {
        return None;
    }
    let (found, least) = (super::percent(share), super::percent(least));
    Some(format!(
        "letters and digits make up {found} of {all} characters, at least {least} expected: {}",
        quoted(turn.response.text)
    ))
}
