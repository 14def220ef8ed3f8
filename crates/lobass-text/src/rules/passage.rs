//! A text with its words, and where its sentences begin.

use crate::words::{Word, words};

/// A text with its words.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<Word>,
}

/// Where a phrase may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the beginning of a sentence that is no quotation.
    Sentence,
    /// There, or after a comma or a colon.
    Clause,
    Anywhere,
}

impl<'a> Passage<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, words: words(text).collect() }
    }

    /// The text from one word to another, without the last one.
    pub(super) fn span(&self, from: usize, to: usize) -> &'a str {
        match self.words.get(from..to) {
            Some([first, .., last]) => &self.text[first.start..last.end],
            Some([word]) => &self.text[word.start..word.end],
            _ => "",
        }
    }

    /// The text between a word and the one before it.
    fn gap(&self, word: usize) -> &'a str {
        let start = if word == 0 { 0 } else { self.words[word - 1].end };
        &self.text[start..self.words[word].start]
    }

    /// Whether a word begins a sentence, or a clause.
    pub(super) fn begins(&self, word: usize, place: Place) -> bool {
        let gap = self.gap(word);
        let is_quoted = gap.trim_end().ends_with(['"', '“', '„', '«', '‘', '「', '\'', '>', '`']);
        let ends: &[char] = match place {
            Place::Anywhere => return true,
            Place::Sentence => &['.', '!', '?', '。', '！', '？', '…', '\n'],
            Place::Clause => {
                &['.', '!', '?', '。', '！', '？', '…', '\n', ',', '，', '、', ':', '：', ';', '(', '-', '—']
            }
        };
        !is_quoted && (word == 0 || gap.contains(ends))
    }

    /// Whether signs that prose hardly has make more than one in twenty-five: code, markup, formulas.
    pub(super) fn is_code(&self) -> bool {
        let (mut all, mut n) = (0_usize, 0_usize);
        for sign in self.text.chars().filter(|sign| !sign.is_whitespace()) {
            all += 1;
            n += usize::from(matches!(
                sign,
                '{' | '}'
                    | '['
                    | ']'
                    | '<'
                    | '>'
                    | '='
                    | '_'
                    | '\\'
                    | '|'
                    | '/'
                    | '*'
                    | '#'
                    | '+'
                    | '&'
                    | '$'
                    | '^'
                    | '~'
                    | '`'
                    | '@'
            ));
        }
        25 * n > all
    }

    /// Bytes of all words.
    pub(super) fn n_bytes(&self) -> usize {
        self.words.iter().map(Word::n_bytes).sum()
    }

    /// How many of the passage's words a word of a spaced script is like: one, or two letters of another script.
    pub(super) fn letters_per_word(&self) -> usize {
        let n_unspaced = self.words.iter().filter(|word| word.unspaced).count();
        if 2 * n_unspaced > self.words.len() { 2 } else { 1 }
    }

    /// Number of words, letters of scripts without spaces counted as half.
    pub(super) fn n_words(&self) -> usize {
        self.words.len() / self.letters_per_word()
    }
}
