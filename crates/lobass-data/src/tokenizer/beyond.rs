//! Tokens that a model has no embedding for.

use super::{SpecialToken, TextTokenizer};

impl TextTokenizer {
    /// How many tokens have ids from `vocab_size` on, and the first of them: a model with so many rows in its
    /// embedding cannot read them.
    pub fn beyond(&self, vocab_size: usize) -> Option<(usize, SpecialToken)> {
        let vocabulary = self.tokenizer.get_vocab(true);
        let beyond = || vocabulary.iter().filter(|(_, id)| **id as usize >= vocab_size);
        let (text, &id) = beyond().min_by_key(|(_, id)| **id)?;
        Some((beyond().count(), SpecialToken { text: text.clone(), id }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_without_an_embedding_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let vocabulary = r#"{"version": "1.0", "model": {"type": "WordLevel", "unk_token": "a",
            "vocab": {"a": 0, "b": 1, "c": 2, "d": 3}}, "added_tokens": [{"id": 4, "content": "<x>", "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}]}"#;
        fs_err::write(dir.path().join("tokenizer.json"), vocabulary).unwrap();
        let tokenizer = TextTokenizer::from_dir(dir.path()).unwrap();
        assert_eq!(tokenizer.beyond(5), None);
        assert_eq!(tokenizer.beyond(4), Some((1, SpecialToken { text: "<x>".to_owned(), id: 4 })));
        assert_eq!(tokenizer.beyond(3), Some((2, SpecialToken { text: "d".to_owned(), id: 3 })));
    }
}
