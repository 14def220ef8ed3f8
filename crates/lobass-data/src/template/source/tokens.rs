//! The words and signs of an expression.

use std::ops::Range;

/// The kind of a token, as far as operands are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a number, or a keyword.
    Word,
    /// A quoted text.
    Text,
    /// An opening bracket of any kind.
    Open,
    /// A closing bracket of any kind.
    Close,
    /// Everything else.
    Sign,
}

/// A token, in bytes of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: Range<usize>,
}

/// The tokens of a part of the source.
pub(super) fn tokens(source: &str, within: &Range<usize>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = within.start;
    while let Some(c) = source[at..within.end].chars().next() {
        let rest = &source[at..within.end];
        let (kind, length) = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => (TokenKind::Text, quoted(rest, c)),
            c if c.is_alphanumeric() || c == '_' => {
                let is_number = c.is_ascii_digit();
                let is_word = |(at, c): (usize, char)| {
                    let fraction =
                        is_number && c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                    let exponent = is_number && matches!(c, '+' | '-') && rest[..at].ends_with(['e', 'E']);
                    c.is_alphanumeric() || c == '_' || fraction || exponent
                };
                let end =
                    rest.char_indices().find(|&place| !is_word(place)).map_or(rest.len(), |(end, _)| end);
                (TokenKind::Word, end)
            }
            '(' | '[' | '{' => (TokenKind::Open, 1),
            ')' | ']' | '}' => (TokenKind::Close, 1),
            c => {
                let double = ["**", "//", "==", "!=", "<=", ">="].iter().any(|sign| rest.starts_with(sign));
                (TokenKind::Sign, if double { 2 } else { c.len_utf8() })
            }
        };
        tokens.push(Token { kind, at: at..at + length });
        at += length;
    }
    tokens
}

/// The length of a quoted text with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether there is a comma outside all brackets.
pub(super) fn has_comma(source: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_u32;
    tokens.iter().any(|token| {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && &source[token.at.clone()] == ","
    })
}
