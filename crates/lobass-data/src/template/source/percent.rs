//! `a % b`, which the engine has for numbers only, as a filter: `a |percent(b)`.

use std::ops::Range;

use super::tokens::{Token, TokenKind, tokens};
use super::{Edit, PERCENT};

/// The operators that bind as tightly as `%`, or tighter; a filter would take their right side alone.
const TIGHT: [&str; 4] = ["*", "/", "//", "**"];
/// Words between operands, which are no operands.
const WORDS: [&str; 9] = ["if", "else", "and", "or", "not", "in", "is", "elif", "recursive"];

/// The edits for every `%` of an expression whose left side is one operand. Others stay as they are: a product is a
/// number.
pub(super) fn edits(source: &str, within: &Range<usize>) -> Vec<Edit> {
    if !source[within.clone()].contains('%') {
        return Vec::new();
    }
    let expression = Expression { source, tokens: tokens(source, within) };
    let mut edits = Vec::new();
    let mut rewritten: Option<usize> = None;
    for at in 0..expression.tokens.len() {
        if expression.text(at) != "%" {
            continue;
        }
        let Some(start) = expression.operand_start(at) else { continue };
        let before = start.checked_sub(1).map_or("", |before| expression.text(before));
        if TIGHT.contains(&before) || before == "%" && rewritten != start.checked_sub(1) {
            continue;
        }
        let Some(end) = expression.operand_end(at + 1) else { continue };
        let sign = expression.tokens[at].at.clone();
        let end = expression.tokens[end].at.end;
        edits.push(Edit { at: sign, text: format!("|{PERCENT}(") });
        edits.push(Edit { at: end..end, text: ")".to_owned() });
        rewritten = Some(at);
    }
    edits
}

struct Expression<'a> {
    source: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Expression<'a> {
    /// A token's text; nothing behind the end.
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.source[token.at.clone()])
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn is_value(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(TokenKind::Text | TokenKind::Close) => true,
            Some(TokenKind::Word) => !WORDS.contains(&self.text(at)),
            _ => false,
        }
    }

    /// The first token of the operand that ends before a token, without a sign before it.
    fn operand_start(&self, end: usize) -> Option<usize> {
        let mut at = end.checked_sub(1)?;
        if !self.is_value(at) {
            return None;
        }
        loop {
            if self.kind(at) == Some(TokenKind::Close) {
                at = self.opening(at)?;
                // A call or a subscript: what is called comes before it.
                match at.checked_sub(1) {
                    Some(before) if self.is_value(before) => at = before,
                    _ => return Some(self.unsigned(at)),
                }
                continue;
            }
            match at.checked_sub(1) {
                Some(before) if matches!(self.text(before), "." | "|") => {
                    at = before.checked_sub(1).filter(|&at| self.is_value(at))?;
                }
                Some(before)
                    if self.kind(before) == Some(TokenKind::Text)
                        && self.kind(at) == Some(TokenKind::Text) =>
                {
                    at = before;
                }
                Some(before) if matches!(self.text(before), "is" | "not") => return None,
                _ => return Some(self.unsigned(at)),
            }
        }
    }

    /// The operand with the minus before it, if that is a sign.
    fn unsigned(&self, at: usize) -> usize {
        match at.checked_sub(1) {
            Some(before) if matches!(self.text(before), "-" | "+") => {
                let is_sign = before.checked_sub(1).is_none_or(|at| !self.is_value(at));
                if is_sign { before } else { at }
            }
            _ => at,
        }
    }

    /// The last token of the operand that begins with a token.
    fn operand_end(&self, start: usize) -> Option<usize> {
        let mut at = start;
        while matches!(self.text(at), "-" | "+") {
            at += 1;
        }
        let mut end = match self.kind(at)? {
            TokenKind::Open => self.closing(at)?,
            TokenKind::Text => {
                while self.kind(at + 1) == Some(TokenKind::Text) {
                    at += 1;
                }
                at
            }
            TokenKind::Word if !WORDS.contains(&self.text(at)) => at,
            _ => return None,
        };
        loop {
            end = match self.text(end + 1) {
                "." | "|" if self.kind(end + 2) == Some(TokenKind::Word) => end + 2,
                "[" | "(" => self.closing(end + 1)?,
                "**" => self.operand_end(end + 2)?,
                "is" => return None,
                _ => return Some(end),
            };
        }
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_u32;
        (open..self.tokens.len()).find(|&at| {
            match self.kind(at) {
                Some(TokenKind::Open) => depth += 1,
                Some(TokenKind::Close) => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    fn opening(&self, close: usize) -> Option<usize> {
        let mut depth = 0_u32;
        (0..=close).rev().find(|&at| {
            match self.kind(at) {
                Some(TokenKind::Close) => depth += 1,
                Some(TokenKind::Open) => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }
}
