//! The signs of markdown in one line.

use std::ops::Range;

use super::{Kind, Marks};

/// Marks the signs of a line outside of code.
pub(super) fn mark(text: &str, line: Range<usize>, marks: &mut Marks) {
    let shown = &text[line.clone()];
    let trimmed = shown.trim();
    if is_rule(trimmed) || is_table_rule(trimmed) {
        marks.add(line, Kind::Markdown);
        return;
    }
    let indent = shown.len() - shown.trim_start().len();
    let lead = lead(&shown[indent..]);
    marks.add(line.start + indent..line.start + indent + lead, Kind::Markdown);
    let from = indent + lead;
    if trimmed.len() > 1 && trimmed.starts_with('|') && trimmed.ends_with('|') {
        shown.match_indices('|').for_each(|(at, sign)| add(marks, line.start + at, sign.len()));
    }
    let rest = &shown[from..];
    for sign in ["**", "__", "`"] {
        for at in pairs(rest, sign) {
            add(marks, line.start + from + at, sign.len());
        }
    }
    for [open, middle, close] in links(rest) {
        add(marks, line.start + from + open, 1);
        add(marks, line.start + from + middle, 2);
        add(marks, line.start + from + close, 1);
    }
}

fn add(marks: &mut Marks, at: usize, length: usize) {
    marks.add(at..at + length, Kind::Markdown);
}

/// Three or more of one sign, and nothing else.
fn is_rule(line: &str) -> bool {
    let is_of = |sign: u8| {
        let n = line.bytes().filter(|byte| *byte == sign).count();
        n >= 3 && line.bytes().all(|byte| byte == sign || byte == b' ')
    };
    [b'-', b'*', b'_'].into_iter().any(is_of)
}

/// The line between the head and the body of a table.
fn is_table_rule(line: &str) -> bool {
    line.contains("--") && line.contains('|') && line.bytes().all(|byte| b"|-: ".contains(&byte))
}

/// Bytes of the quotes, the heading, or the bullet that a line begins with.
fn lead(line: &str) -> usize {
    let quotes = line.len() - line.trim_start_matches(['>', ' ']).len();
    let quotes = if line.starts_with('>') { quotes } else { 0 };
    let rest = &line[quotes..];
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&hashes) && rest[hashes..].starts_with(' ') {
        return quotes + hashes + 1;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let bullet = match rest.as_bytes() {
        [b'-' | b'*' | b'+', b' ', ..] => 2,
        bytes if (1..=3).contains(&digits) && matches!(bytes[digits..], [b'.' | b')', b' ', ..]) => {
            digits + 2
        }
        _ => return quotes,
    };
    let box_of_task = ["[ ] ", "[x] ", "[X] "].into_iter().find(|task| rest[bullet..].starts_with(task));
    quotes + bullet + box_of_task.map_or(0, str::len)
}

/// Where a sign stands that opens or closes something: in pairs with a text in between.
fn pairs(text: &str, sign: &str) -> Vec<usize> {
    let places: Vec<usize> = text.match_indices(sign).map(|(at, _)| at).collect();
    let is_pair = |pair: &&[usize]| match pair {
        [open, close] => {
            let inside = &text[open + sign.len()..*close];
            !inside.is_empty() && inside.trim() == inside
        }
        _ => false,
    };
    places.chunks(2).filter(is_pair).flatten().copied().collect()
}

/// Where the brackets of each `[text](address)` stand.
fn links(text: &str) -> Vec<[usize; 3]> {
    let of = |(middle, _): (usize, &str)| {
        let open = text[..middle].rfind(['[', ']']).filter(|&at| text.as_bytes()[at] == b'[')?;
        let close = middle + 2 + text[middle + 2..].find([')', '(', ' '])?;
        (text.as_bytes()[close] == b')').then_some([open, middle, close])
    };
    text.match_indices("](").filter_map(of).collect()
}
