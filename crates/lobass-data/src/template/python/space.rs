//! White space as Python has it.

/// Whether `str.isspace` says yes: the white space of Unicode, and the four separators from U+001C on.
pub(in super::super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
pub(in super::super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Whether `str.splitlines` ends a line here.
pub(super) fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
