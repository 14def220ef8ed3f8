//! Runs of words of a text as hashes: what near duplicates and shared passages are compared by.

use xxhash_rust::xxh3::xxh3_64;

use crate::words::words;

/// The weight of a word in a script with spaces.
pub(crate) const WORD: u32 = 5;
/// The weight of a letter in a script without spaces.
const LETTER: u32 = 3;
/// The weight of a text without words: enough for a near duplicate, too little for a passage.
const SIGNS: u32 = 3 * WORD;

/// The words of one text, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// 8 bytes for each word.
    bytes: Vec<u8>,
    weights: Vec<u32>,
}

impl Windows {
    /// The words of a text; of a text without words, such as `?!`, all its signs as one.
    pub(crate) fn of(text: &str) -> Self {
        let mut windows = Self::default();
        for word in words(text) {
            windows.push(word.hash, if word.unspaced { LETTER } else { WORD });
        }
        if windows.weights.is_empty() && !text.trim().is_empty() {
            windows.push(xxh3_64(text.trim().as_bytes()), SIGNS);
        }
        windows
    }

    fn push(&mut self, hash: u64, weight: u32) {
        self.bytes.extend_from_slice(&hash.to_le_bytes());
        self.weights.push(weight);
    }

    /// Number of words.
    pub(crate) fn n_words(&self) -> usize {
        self.weights.len()
    }

    /// The hashes of all words in order, 8 bytes each.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of a window from each word on, up to the last window that weighs `size`.
    pub(crate) fn each(&self, size: u32, mut take: impl FnMut(u64)) {
        let (mut end, mut weight) = (0, 0_u32);
        for start in 0..self.weights.len() {
            while weight < size && end < self.weights.len() {
                weight += self.weights[end];
                end += 1;
            }
            if weight < size {
                return;
            }
            take(self.hash(start, end));
            weight -= self.weights[start];
        }
    }

    /// The hash of the whole text.
    pub(crate) fn whole(&self) -> u64 {
        self.hash(0, self.weights.len())
    }

    fn hash(&self, start: usize, end: usize) -> u64 {
        xxh3_64(&self.bytes[8 * start..8 * end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, size: u32) -> usize {
        let mut n = 0;
        Windows::of(text).each(size, |_| n += 1);
        n
    }

    #[test]
    fn windows_weigh_enough() {
        assert_eq!(count("one two three four", 3 * WORD), 2);
        assert_eq!(count("one two", 3 * WORD), 0);
        assert_eq!(count("一二三四五六", 3 * WORD), 2);
        assert_eq!((count("?!", 3 * WORD), count("?!", 13 * WORD)), (1, 0));
        assert_eq!(count("", 3 * WORD), 0);
        let thirteen = (0..13).map(|at| format!("w{at} ")).collect::<String>();
        assert_eq!((count(&thirteen, 13 * WORD), count(&thirteen, 14 * WORD)), (1, 0));
        assert_eq!(count(&"字".repeat(22), 13 * WORD), 1);
    }
}
