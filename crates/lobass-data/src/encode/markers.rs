//! The special tokens that end turns.

use super::rendered::{Rendered, leading_space};

impl<'a> Rendered<'a> {
    /// Whether a turn may end here.
    pub(super) fn ends_turn(&self, rest: &str) -> bool {
        rest.trim().is_empty() || self.special_token(rest.trim_start()).is_some()
    }

    /// The length of the special tokens that end a turn. The first follows at once or after white space. A second one
    /// counts if it follows at once and is not known to open the next turn. No known template ends a turn with three.
    pub(super) fn markers(&self, rest: &str, openers: impl FnOnce() -> Option<Vec<&'a str>>) -> usize {
        let Some(first) = self.special_token(rest.trim_start()) else { return 0 };
        let length = leading_space(rest) + first.len();
        let Some(second) = self.special_token(&rest[length..]) else { return length };
        match openers() {
            Some(openers) if !openers.contains(&second) => length + second.len(),
            _ => length,
        }
    }

    /// The length of a special token that begins the next turn and ends this one, which has no end token.
    pub(super) fn end_in_next(&self, at: usize, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let token = self.special_token(rest.trim_start())?;
        let ends = Some(token) != self.bos && !self.openers(at).contains(&token);
        ends.then(|| leading_space(rest) + token.len())
    }

    /// The special tokens with which the template asks for turn `at`, which therefore end none.
    pub(super) fn openers(&self, at: usize) -> Vec<&'a str> {
        let header = self.generation_prompt(at).unwrap_or_default();
        self.tokens().filter(|token| header.contains(token)).collect()
    }

    /// The length of a text without the special tokens and the white space that end it.
    pub(super) fn without_markers(&self, text: &str) -> usize {
        let mut rest = text.trim_end();
        while let Some(token) = self.tokens().find(|token| rest.ends_with(token)) {
            rest = rest[..rest.len() - token.len()].trim_end();
        }
        rest.len()
    }

    /// The longest special token that a text begins with.
    pub(super) fn special_token(&self, text: &str) -> Option<&'a str> {
        self.tokens().filter(|token| text.starts_with(token)).max_by_key(|token| token.len())
    }

    /// Where the last special token of a text ends.
    pub(super) fn last_special_end(&self, text: &str) -> Option<usize> {
        self.tokens().filter_map(|token| text.rfind(token).map(|start| start + token.len())).max()
    }

    fn tokens(&self) -> impl Iterator<Item = &'a str> {
        self.special_tokens.iter().map(String::as_str).filter(|token| !token.is_empty())
    }
}
