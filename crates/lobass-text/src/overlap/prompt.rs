//! When two prompts are the same.

use xxhash_rust::xxh3::Xxh3;

/// When two prompts are the same: a hash of a prompt in lower case, without spaces and without the punctuation around its words. Signs between words,
/// as in `2 - 3`, count. `None` if nothing is left.
pub fn hash(prompt: &str) -> Option<u128> {
    let mut hash = Xxh3::new();
    let mut is_empty = true;
    for word in prompt.split_whitespace() {
        let word = word.trim_matches(['.', ',', '!', '?', ';', ':', '"', '\'']).to_lowercase();
        is_empty &= word.is_empty();
        hash.update(word.as_bytes());
    }
    (!is_empty).then(|| hash.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_case_and_punctuation_around_words_do_not_count() {
        assert_eq!(hash("What is 2 + 3?"), hash("what is 2+3"));
        assert_eq!(hash("天気は？"), hash("天気は ？"));
        assert_ne!(hash("2 - 3"), hash("2 + 3"));
        assert_ne!(hash("2.5"), hash("25"));
        for empty in ["", "???", " . "] {
            assert_eq!(hash(empty), None);
        }
    }
}
