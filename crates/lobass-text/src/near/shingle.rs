//! A text as a set of shingles.
//!
//! A shingle is three words in a row, or five letters of a script without spaces, or a mixture in mixed text.
//! Words are compared by their lower-case letters, so neither punctuation nor spacing nor case tells texts apart.

use xxhash_rust::xxh3::Xxh3;

use crate::windows::{WORD, Windows};

/// The weight of a shingle.
const SHINGLE: u32 = 3 * WORD;

/// The shingles of a text.
#[derive(Debug)]
pub(super) struct Shingles {
    /// Distinct and ascending; at least one.
    pub(super) hashes: Vec<u32>,
    /// Hash of all words in order.
    pub(super) identity: u128,
}

/// The shingles of all parts; none of them spans two parts.
pub(super) fn of<'t>(parts: impl IntoIterator<Item = &'t str>) -> Shingles {
    let mut hashes = Vec::new();
    let mut identity = Xxh3::new();
    for part in parts {
        let windows = Windows::of(part);
        identity.update(&(windows.n_words() as u64).to_le_bytes());
        identity.update(windows.bytes());
        let before = hashes.len();
        windows.each(SHINGLE, |hash| hashes.push(half(hash)));
        if hashes.len() == before && windows.n_words() > 0 {
            hashes.push(half(windows.whole())); // a text that is shorter than a shingle
        }
    }
    if hashes.is_empty() {
        hashes.push(0); // nothing at all is like nothing at all
    }
    hashes.sort_unstable();
    hashes.dedup();
    Shingles { hashes, identity: identity.digest128() }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn half(hash: u64) -> u32 {
    hash as u32
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
