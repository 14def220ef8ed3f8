//! Tags of XML and HTML.

use std::ops::Range;

use super::{Kind, Marks, overlaps};

/// The longest tag.
const MAX_TAG: usize = 200;

/// Marks tags outside of code and JSON: `<name ..>`, `</name>`, and `<name/>`.
pub(super) fn mark(text: &str, taken: &[Range<usize>], marks: &mut Marks) {
    for (start, _) in text.match_indices('<') {
        let rest = &text[start + 1..];
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let Some(n) = rest.find(['<', '>']).filter(|&n| n < MAX_TAG && rest.as_bytes()[n] == b'>') else {
            continue;
        };
        let end =
            name.find(|c: char| !(c.is_ascii_alphanumeric() || "_-:.".contains(c))).unwrap_or(name.len());
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_ended = name[end..].starts_with([' ', '>', '/', '\n']);
        let tag = start..start + n + 2;
        if is_name && is_ended && !overlaps(taken, &tag) {
            marks.add(tag, Kind::Tag);
        }
    }
}
