//! Requests of all turns other than the assistant's.

use std::collections::HashSet;

use super::leftover::MARKERS;
use crate::words::{Word, words};

/// The text before the assistant's turn, as far as rules need it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    words: HashSet<u64>,
    markers: Vec<&'static str>,
    /// Whether something stood in square brackets.
    pub(super) has_brackets: bool,
    /// Whether there were HTML entities or tags.
    pub(super) has_html: bool,
}

impl Asked {
    pub(super) fn hear(&mut self, text: &str) {
        self.words.extend(words(text).map(|word| word.hash));
        self.has_brackets |= text.contains('[') && text.contains(']');
        self.has_html |= text.contains("&#") || text.contains("</") || text.contains("&amp;");
        for marker in MARKERS {
            if !self.markers.contains(&marker) && text.contains(marker) {
                self.markers.push(marker);
            }
        }
    }

    /// Whether any of some words was said.
    pub(super) fn mentions(&self, names: &str) -> bool {
        words(names).any(|word| self.words.contains(&word.hash))
    }

    /// Whether all of some words were said.
    pub(super) fn mentions_all(&self, words: &[Word]) -> bool {
        words.iter().all(|word| self.words.contains(&word.hash))
    }

    /// Whether a marker of a template was there.
    pub(super) fn has_marker(&self, marker: &str) -> bool {
        self.markers.contains(&marker)
    }
}
