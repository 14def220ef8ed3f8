//! Text that was to be filled in or removed, and was not.

use super::{Turn, quoted};

/// Markers of prompt templates.
pub(super) const MARKERS: [&str; 24] = [
    "### Instruction",
    "### Response",
    "### Input:",
    "### Human",
    "### Assistant",
    "Below is an instruction that describes a task",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|begin_of_text|>",
    "<|end|>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<noinput>",
    "<nooutput>",
    "\nUSER: ",
];

/// A marker of a template that the prompt does not hold, or the next of the instructions that somebody had a model
/// write one after the other.
pub(super) fn marker(turn: &Turn<'_>) -> Option<String> {
    let text = turn.response.text;
    if let Some(at) = numbered_instruction(text)
        && !turn.asked.mentions("instruction instructions")
    {
        return Some(format!("another instruction follows the response: {}", quoted(&text[at..])));
    }
    let found =
        |marker: &str| text.contains(marker) && text.trim() != marker && !turn.asked.has_marker(marker);
    let marker = MARKERS.into_iter().find(|marker| found(marker))?;
    let at = text.find(marker)?;
    Some(format!("{} of a prompt template is at byte {at} of the response", quoted(marker)))
}

/// Where a line begins with a number and `Instruction:`, as in self-instruct's prompts (arXiv 2212.10560).
fn numbered_instruction(text: &str) -> Option<usize> {
    let begin = |(at, _): (usize, &str)| {
        let line = text[..at].trim_end_matches(|sign: char| sign.is_ascii_digit());
        (line.len() < at && (line.is_empty() || line.ends_with('\n'))).then_some(line.len())
    };
    text.match_indices(". Instruction:").find_map(begin)
}

/// Words of a prompt that allow an answer with blanks to fill in.
const ASKS_FOR_A_FORM: &str = "template templates form forms placeholder placeholders blank blanks fill format todo lorem mad-lib madlib";

/// How a placeholder in brackets begins.
const BEGINS: [&str; 6] = ["insert ", "your ", "enter ", "add your ", "fill in ", "name of "];
/// Placeholders in brackets, and their last words.
const ENDS: [&str; 24] = [
    "name",
    "names",
    "address",
    "date",
    "number",
    "title",
    "company",
    "email",
    "phone",
    "city",
    "state",
    "position",
    "here",
    "recipient",
    "sender",
    "signature",
    "location",
    "time",
    "url",
    "link",
    "website",
    "amount",
    "school",
    "university",
];

/// Placeholders that were not filled in, unasked.
pub(super) fn placeholder(turn: &Turn<'_>, allowed: f64) -> Option<String> {
    if turn.asked.mentions(ASKS_FOR_A_FORM) {
        return None;
    }
    let text = turn.response.text;
    let brackets = if turn.asked.has_brackets { Vec::new() } else { in_brackets(text) };
    let words = turn.response.words.iter().map(|word| &text[word.start..word.end]);
    let todo = words.clone().filter(|word| matches!(*word, "TODO" | "FIXME" | "TBD"));
    let lorem = words.clone().zip(words.skip(1)).filter_map(|(first, second)| {
        (first.eq_ignore_ascii_case("lorem") && second.eq_ignore_ascii_case("ipsum")).then_some("lorem ipsum")
    });
    let all: Vec<&str> = brackets.into_iter().chain(todo).chain(lorem).collect();
    let first = quoted(all.first()?);
    match all.len() {
        n if n as f64 <= allowed => None,
        1 => Some(format!("{first} was not filled in")),
        n => Some(format!("{first} and {} more were not filled in", n - 1)),
    }
}

/// Placeholders in square or angle brackets.
fn in_brackets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find(['[', '<']) {
        let open = from + open;
        from = open + 1;
        let close = if text[open..].starts_with('[') { ']' } else { '>' };
        // As long as anything that somebody is to fill in; so all of this is linear.
        let window =
            text[open + 1..].char_indices().take(50).find(|(_, sign)| *sign == close || *sign == '\n');
        let Some((length, sign)) = window else { continue };
        let before = text[..open].chars().next_back();
        let is_index =
            before.is_some_and(|sign| sign.is_alphanumeric() || matches!(sign, '_' | ')' | ']' | '\\'));
        let is_link = text[open + 1 + length..].starts_with("](");
        let inside = &text[open + 1..open + 1 + length];
        if sign == close && !is_index && !is_link && is_placeholder(inside, close) {
            found.push(&text[open..open + 2 + length]);
        }
    }
    found
}

fn is_placeholder(inside: &str, close: char) -> bool {
    let lower = inside.trim().to_lowercase();
    if BEGINS.iter().any(|begin| lower.starts_with(begin)) {
        return true;
    }
    let is_name = lower.chars().all(|sign| sign.is_alphabetic() || matches!(sign, ' ' | '\'' | '’' | '/'));
    let last = lower.rsplit([' ', '/']).next().unwrap_or_default();
    // `<name>` is a tag, and `<Your name>` was found above.
    close == ']' && is_name && ENDS.contains(&last)
}
