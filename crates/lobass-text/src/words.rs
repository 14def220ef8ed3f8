//! Words: what rules count and what texts are compared by.
//!
//! A word is a run of letters and digits, with the marks, apostrophes, and underscores inside it. In scripts that put no spaces
//! between words (Han, kana, Thai, Lao, Khmer, Burmese) every letter is one.

use xxhash_rust::xxh3::xxh3_64;

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    /// Where it ends, in bytes.
    pub(crate) end: usize,
    /// A hash of its lower-case letters.
    pub(crate) hash: u64,
    /// Whether it is one letter of a script without spaces.
    pub(crate) unspaced: bool,
}

impl Word {
    /// Its bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.end - self.start
    }
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// See [`words`].
#[derive(Debug)]
pub(crate) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let rest = &self.text[self.at..];
        let (offset, first) = rest.char_indices().find(|(_, letter)| letter.is_alphanumeric())?;
        let start = self.at + offset;
        let unspaced = is_unspaced(first);
        let end = if unspaced { start + first.len_utf8() } else { self.end_of_word(start) };
        self.at = end;
        Some(Word { start, end, hash: hash_lower(&self.text[start..end]), unspaced })
    }
}

impl Words<'_> {
    fn end_of_word(&self, start: usize) -> usize {
        let mut letters = self.text[start..].char_indices().peekable();
        while let Some((offset, letter)) = letters.next() {
            let goes_on = (letter.is_alphanumeric() && !is_unspaced(letter))
                || is_mark(letter)
                || (is_inner(letter) && letters.peek().is_some_and(|(_, next)| next.is_alphabetic()));
            if !goes_on {
                return start + offset;
            }
        }
        self.text.len()
    }
}

fn is_inner(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '_')
}

/// Marks inside words that the standard library does not count as letters: combining accents, the signs that silence a
/// vowel in Indian scripts, and Persian and Indian joiners.
fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}'
            ..='\u{36f}'
                | '\u{200c}'
                | '\u{200d}'
                | '\u{94d}'
                | '\u{9cd}'
                | '\u{a4d}'
                | '\u{acd}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
    )
}

/// Letters of scripts that put no spaces between words.
pub(crate) fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' // kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}') // Han
}

/// A hash that does not see upper case, or which apostrophe was typed.
fn hash_lower(word: &str) -> u64 {
    let mut buffer = [0; 32];
    if word.is_ascii() && word.len() <= buffer.len() {
        let lower = &mut buffer[..word.len()];
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        return xxh3_64(lower);
    }
    xxh3_64(word.to_lowercase().replace('’', "'").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        words(text).map(|word| &text[word.start..word.end]).collect()
    }

    #[test]
    fn letters_digits_and_what_stands_inside() {
        assert_eq!(split("Don't panic, it's 42%! 'So'"), ["Don't", "panic", "it's", "42", "So"]);
        assert_eq!(split("max_of_all _x_"), ["max_of_all", "x"]);
        assert_eq!(split("naïve Übung e\u{301}te\u{301}"), ["naïve", "Übung", "e\u{301}te\u{301}"]);
        assert_eq!(split("हिन्दी में"), ["हिन्दी", "में"]);
        assert_eq!(split("我爱Rust。ありがとう"), ["我", "爱", "Rust", "あ", "り", "が", "と", "う"]);
        assert_eq!(split(" \u{0} ?! 🎉"), Vec::<&str>::new());
    }

    #[test]
    fn case_and_the_kind_of_apostrophe_do_not_matter() {
        let hashes = |text: &str| words(text).map(|word| word.hash).collect::<Vec<_>>();
        assert_eq!(hashes("Don't ÉTÉ"), hashes("DON’T été"));
        assert_ne!(hashes("dont"), hashes("don't"));
        let long = "a".repeat(100);
        assert_eq!(hashes(&long), hashes(&long.to_uppercase()));
    }
}
