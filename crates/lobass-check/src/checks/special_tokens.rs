//! Special tokens of the tokenizer that stand in the data as text.

use std::collections::BTreeMap;

use lobass_data::TextTokenizer;

use super::formatted::is_marker;
use crate::row::Row;
use crate::tally::Found;

/// The special tokens of a tokenizer, without those that the check `formatted` knows.
#[derive(Debug)]
pub(super) struct SpecialTokens {
    by_first: BTreeMap<char, Vec<String>>,
}

impl SpecialTokens {
    pub(super) fn new(tokenizer: &TextTokenizer) -> Self {
        let mut by_first: BTreeMap<char, Vec<String>> = BTreeMap::new();
        for token in tokenizer.special_tokens() {
            // A token without a sign, such as a word or spaces, is text like any other.
            let has_sign = token.chars().any(|sign| !sign.is_alphanumeric() && !sign.is_whitespace());
            if let Some(first) = token.chars().next().filter(|_| has_sign && !is_marker(token)) {
                by_first.entry(first).or_default().push(token.clone());
            }
        }
        Self { by_first }
    }

    /// The first such token of a row.
    pub(super) fn find(&self, row: &Row<'_>) -> Vec<Found> {
        let Some((role, token)) = row.turns().find_map(|turn| Some((turn.role, self.first(&turn.content)?)))
        else {
            return Vec::new();
        };
        vec![Found {
            what: "special tokens as text".to_owned(),
            detail: format!("{role} turn holds `{token}`"),
        }]
    }

    fn first(&self, text: &str) -> Option<&str> {
        text.char_indices().find_map(|(at, first)| {
            let tokens = self.by_first.get(&first)?;
            tokens.iter().find(|token| text[at..].starts_with(token.as_str())).map(String::as_str)
        })
    }
}
