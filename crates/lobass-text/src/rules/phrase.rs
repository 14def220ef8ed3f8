//! Phrases, found word by word, so that case, punctuation, and kinds of apostrophes do not matter.

use std::collections::HashMap;

use super::passage::{Passage, Place};
use crate::words::words;

/// Phrases by their first word.
#[derive(Debug)]
pub(super) struct Phrases {
    by_first: HashMap<u64, Vec<Vec<u64>>>,
}

impl Phrases {
    pub(super) fn new<'p>(phrases: impl IntoIterator<Item = &'p str>) -> Self {
        let mut by_first: HashMap<u64, Vec<Vec<u64>>> = HashMap::new();
        for phrase in phrases {
            let hashes: Vec<u64> = words(phrase).map(|word| word.hash).collect();
            by_first.entry(hashes[0]).or_default().push(hashes);
        }
        Self { by_first }
    }

    /// The first phrase in such a place that begins within the given number of words: its words, from and to.
    pub(super) fn find(&self, passage: &Passage<'_>, place: Place, within: usize) -> Option<(usize, usize)> {
        let hashes = |at: usize, phrase: &[u64]| {
            let found = passage.words.get(at..at + phrase.len())?;
            found.iter().map(|word| word.hash).eq(phrase.iter().copied()).then_some((at, at + phrase.len()))
        };
        (0..passage.words.len().min(within)).find_map(|at| {
            let phrases = self.by_first.get(&passage.words[at].hash)?;
            let found = phrases.iter().filter_map(|phrase| hashes(at, phrase)).max();
            found.filter(|_| passage.begins(at, place))
        })
    }
}

/// Every phrase of a list of beginnings and a list of endings.
pub(super) fn joined(beginnings: &[&str], endings: &[&str]) -> Vec<String> {
    beginnings.iter().flat_map(|first| endings.iter().map(move |last| format!("{first} {last}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(phrase: &str, text: &str, place: Place) -> Option<String> {
        let passage = Passage::new(text);
        let (from, to) = Phrases::new([phrase]).find(&passage, place, 100)?;
        Some(passage.span(from, to).to_owned())
    }

    #[test]
    fn phrases_are_found_in_their_places() {
        let found = |text: &str, place: Place| find("I'm sorry, but I can't", text, place).is_some();
        assert!(found("I’m sorry but I CAN’T do it", Place::Sentence));
        assert!(found("No. I'm sorry, but I can't.", Place::Sentence));
        assert!(!found("Then I'm sorry, but I can't.", Place::Clause));
        assert!(found("Then I'm sorry, but I can't.", Place::Anywhere));
        assert!(found("Well, I'm sorry, but I can't.", Place::Clause));
        assert!(!found("Well, I'm sorry, but I can't.", Place::Sentence));
        assert!(!found("She said. \"I'm sorry, but I can't.\"", Place::Sentence), "somebody is quoted");
        assert!(!found("I'm sorry, but I", Place::Anywhere));
        assert_eq!(
            find("作为人工智能", "好。作为人工智能，我", Place::Sentence).as_deref(),
            Some("作为人工智能")
        );
    }
}
