//! A text as a set of shingles.
//!
//! A shingle is three words in a row, or five letters of a script without spaces, or what lies between in mixed text.
//! Words are compared by their lower-case letters, so neither punctuation nor spacing nor case tells texts apart.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::words::words;

/// A word counts as much as 5 of these, a letter of a script without spaces as 3.
const SHINGLE: u32 = 15;

/// The shingles of a text.
#[derive(Debug)]
pub(super) struct Shingles {
    /// Distinct and ascending; at least one.
    pub(super) hashes: Vec<u32>,
    /// Of all words in order.
    pub(super) identity: u128,
}

/// The shingles of all parts; none of them is of two.
pub(super) fn of<'t>(parts: impl IntoIterator<Item = &'t str>) -> Shingles {
    let mut hashes = Vec::new();
    let mut identity = Xxh3::new();
    let mut letters: Vec<(u64, u32)> = Vec::new();
    for part in parts {
        letters.clear();
        letters.extend(words(part).map(|word| (word.hash, if word.unspaced { 3 } else { 5 })));
        if letters.is_empty() && !part.trim().is_empty() {
            letters.push((xxh3_64(part.trim().as_bytes()), SHINGLE)); // signs without a word
        }
        identity.update(&(letters.len() as u64).to_le_bytes());
        for (hash, _) in &letters {
            identity.update(&hash.to_le_bytes());
        }
        push_windows(&letters, &mut hashes);
    }
    if hashes.is_empty() {
        hashes.push(0); // nothing at all is like nothing at all
    }
    hashes.sort_unstable();
    hashes.dedup();
    Shingles { hashes, identity: identity.digest128() }
}

/// A window from each word on, up to the last that is whole; a shorter text is one window.
fn push_windows(words: &[(u64, u32)], hashes: &mut Vec<u32>) {
    let (mut end, mut weight) = (0, 0);
    for start in 0..words.len() {
        while weight < SHINGLE && end < words.len() {
            weight += words[end].1;
            end += 1;
        }
        if weight < SHINGLE && start > 0 {
            return;
        }
        hashes.push(hash(&words[start..end]));
        weight -= words[start].1;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn hash(words: &[(u64, u32)]) -> u32 {
    // Five letters at most, so at most 40 bytes.
    let mut bytes = [0; 40];
    for (at, (word, _)) in words.iter().enumerate() {
        bytes[8 * at..8 * at + 8].copy_from_slice(&word.to_le_bytes());
    }
    xxh3_64(&bytes[..8 * words.len()]) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        of([text]).hashes.len()
    }

    #[test]
    fn three_words_or_five_letters() {
        assert_eq!(count("one two three four five"), 3);
        assert_eq!(count("一二三四五六七"), 3);
        assert_eq!(count("one"), 1);
        assert_eq!(count("one two"), 1);
        assert_eq!(count("one two three"), 1);
        assert_eq!(count(""), 1);
        assert_eq!(count("?!"), 1);
        assert_eq!(count("la la la la la la la"), 1);
        // A word, then four letters: 5 + 3 * 4 is the first sum of at least 15.
        assert_eq!(count("Rust一二三四"), 1);
        assert_eq!(count("Rust一二三四五"), 2);
    }

    #[test]
    fn parts_are_apart_and_punctuation_is_nothing() {
        assert_eq!(of(["a b c", "d e f"]).hashes.len(), 2);
        assert_eq!(of(["a b c d e f"]).hashes.len(), 4);
        assert_ne!(of(["a b", "c"]).identity, of(["a", "b c"]).identity);
        let (plain, dressed) = (of(["so it is then"]), of(["\"So, it is -- THEN!\""]));
        assert_eq!((plain.hashes, plain.identity), (dressed.hashes, dressed.identity));
        assert_ne!(of(["?!"]).hashes, of(["?"]).hashes);
    }
}
