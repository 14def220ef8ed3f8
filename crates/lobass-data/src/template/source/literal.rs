//! Where a template makes containers: what it makes goes through a filter, which knows how deep it is.

use super::tokens::{Token, TokenKind, tokens};
use super::{Edit, Tag};
use crate::template::nesting::{FILTER, LIST};

/// Words that stand between operands.
const BETWEEN: [&str; 12] =
    ["if", "else", "and", "or", "not", "in", "is", "elif", "recursive", "set", "for", "with"];
/// Words that mean the same everywhere.
const CONSTANTS: [&str; 6] = ["true", "false", "none", "True", "False", "None"];

/// The edits for lists, maps, and tuples that hold what a variable says, except those that are taken apart at once.
pub(super) fn edits(source: &str, tag: &Tag) -> Vec<Edit> {
    if !source[tag.inner.clone()].contains(['[', '{', ',']) {
        return Vec::new();
    }
    let tokens = tokens(source, &tag.inner);
    let text = |at: usize| tokens.get(at).map_or("", |token: &Token| &source[token.at.clone()]);
    let (mut open, mut edits) = (Vec::new(), Vec::new());
    for at in 0..tokens.len() {
        match tokens[at].kind {
            TokenKind::Open => {
                let before = at.checked_sub(1).map(|before| (tokens[before].kind, text(before)));
                let is_literal = match before {
                    Some((TokenKind::Text | TokenKind::Close, _)) => false,
                    Some((TokenKind::Word, word)) => BETWEEN.contains(&word),
                    _ => true,
                };
                open.push(Container { is_literal, has_comma: text(at) != "(", has_variable: false });
            }
            TokenKind::Close => {
                let Some(container) = open.pop() else { continue };
                let is_taken_apart = matches!(text(at + 1), "[" | "." | "(" | "|");
                if container.is_literal && container.has_comma && container.has_variable && !is_taken_apart {
                    let end = tokens[at].at.end;
                    edits.push(Edit { at: end..end, text: format!("|{FILTER}") });
                }
                if let Some(outer) = open.last_mut() {
                    outer.has_variable |= container.has_variable;
                }
            }
            TokenKind::Word
                if !CONSTANTS.contains(&text(at)) && !text(at).starts_with(|c: char| c.is_ascii_digit()) =>
            {
                if let Some(container) = open.last_mut() {
                    container.has_variable = true;
                }
            }
            TokenKind::Sign if text(at) == "," => {
                if let Some(container) = open.last_mut() {
                    container.has_comma = true;
                }
            }
            _ => {}
        }
    }
    edits
}

struct Container {
    /// Whether it is a value, not a call, a subscript, or a pair of brackets around an operand of one.
    is_literal: bool,
    /// Whether it holds things: always for lists and maps, for round brackets with a comma.
    has_comma: bool,
    has_variable: bool,
}

/// The edits around a value that is assigned, if a filter, a call, or a sum makes it, or if it is a slice.
pub(super) fn assigned(source: &str, tag: &Tag) -> Option<[Edit; 2]> {
    let tokens = tokens(source, &tag.inner);
    let text = |at: usize| &source[tokens[at].at.clone()];
    let mut depth = 0_u32;
    let equals = (0..tokens.len()).find(|&at| {
        match tokens[at].kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && text(at) == "="
    })?;
    let (first, last) = (tokens.get(equals + 1)?, tokens.last()?);
    let (start, end) = (first.at.start, last.at.end);
    let has = |signs: &[&str]| (equals + 1..tokens.len()).any(|at| signs.contains(&text(at)));
    let filter = if has(&[":"]) && !has(&["|", "{"]) {
        LIST
    } else if has(&["|", "(", "+"]) {
        FILTER
    } else {
        return None;
    };
    Some([
        Edit { at: start..start, text: "(".to_owned() },
        Edit { at: end..end, text: format!(")|{filter}") },
    ])
}
