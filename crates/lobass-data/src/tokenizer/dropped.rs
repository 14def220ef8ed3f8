//! The places of tokens in a text of which a tokenizer drops characters.
//!
//! BPE without an unknown token drops characters that its vocabulary lacks. The tokenizers library then counts the
//! offsets of the tokens after them as if the characters had not been there, so a mask by offsets would be shifted.

use serde_json::{Value, json};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Encoding, Tokenizer};

/// A half-open byte range.
type Range = (usize, usize);

/// The same tokenizer without merges, and with a token for dropped characters. So every character is one token, with the
/// right offsets.
#[derive(Debug)]
pub(super) struct Dropped {
    tokenizer: Tokenizer,
    id: u32,
}

/// It begins with a character that no text has, so that no vocabulary has it.
const TOKEN: &str = "\u{fdd0}dropped";

/// The `tokenizer.json` of that tokenizer. `None` if the tokenizer of `json` drops nothing.
pub(super) fn with_token(json: &Value) -> Option<Value> {
    let model = &json["model"];
    let is_bpe = matches!(model["type"].as_str(), None | Some("BPE")) && model["vocab"].is_object();
    if !is_bpe || !model["unk_token"].is_null() || has_every_byte(json) {
        return None;
    }
    let ids = model["vocab"].as_object()?.values().filter_map(Value::as_u64);
    let next = ids.max().map_or(0, |id| id + 1);
    let mut json = json.clone();
    let model = &mut json["model"];
    model["vocab"][TOKEN] = json!(next);
    model["unk_token"] = json!(TOKEN);
    (model["fuse_unk"], model["ignore_merges"]) = (json!(false), json!(false));
    model["merges"] = json!([]);
    Some(json)
}

/// Whether every byte has a token, so that nothing is dropped.
fn has_every_byte(json: &Value) -> bool {
    let model = &json["model"];
    let has = |token: &str| model["vocab"].get(token).is_some();
    let by_level =
        has_step(&json["pre_tokenizer"], "ByteLevel") || has_step(&json["normalizer"], "ByteLevel");
    let by_fallback = model["byte_fallback"] == json!(true);
    by_level && ByteLevel::alphabet().iter().all(|character| has(&character.to_string()))
        || by_fallback && (0..=u8::MAX).all(|byte| has(&format!("<0x{byte:02X}>")))
}

/// Whether a step has a type, or is a sequence of which one step has it.
fn has_step(step: &Value, name: &str) -> bool {
    let inner = ["pretokenizers", "normalizers"].into_iter().filter_map(|key| step[key].as_array()).flatten();
    step["type"].as_str() == Some(name) || inner.into_iter().any(|step| has_step(step, name))
}

impl Dropped {
    /// - `tokenizer`: built from the JSON of [`with_token`]
    pub(super) fn new(tokenizer: Tokenizer) -> Option<Self> {
        Some(Self { id: tokenizer.token_to_id(TOKEN)?, tokenizer })
    }

    /// The bytes of the text that each token of its encoding covers.
    ///
    /// # Errors
    /// If the tokens are not made of the characters that are left.
    pub(super) fn offsets(&self, text: &str, encoding: &Encoding) -> Result<Vec<Range>, String> {
        let characters = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        if !characters.get_ids().contains(&self.id) {
            return Ok(encoding.get_offsets().to_vec());
        }
        let ids = characters.get_ids().iter();
        // Ids of added tokens differ, so texts are compared.
        let mut left = (ids.zip(characters.get_tokens()).zip(characters.get_offsets()))
            .filter(|((id, _), _)| **id != self.id)
            .map(|((_, text), range)| (text.as_str(), *range));
        let places = encoding.get_tokens().iter().map(|token| place(token, &mut left));
        places.collect::<Option<_>>().filter(|_| left.next().is_none()).ok_or_else(|| {
            "expected tokens whose places in the text are known; the tokenizer drops characters that its vocabulary \
             lacks, and its other tokens are not made of the characters that are left"
                .to_owned()
        })
    }
}

/// Takes the characters of a token. The token covers the text from the first to the last of them.
fn place<'a>(token: &str, left: &mut impl Iterator<Item = (&'a str, Range)>) -> Option<Range> {
    let (first, mut range) = left.next()?;
    let mut rest = token.strip_prefix(first)?;
    while !rest.is_empty() {
        let (next, (_, end)) = left.next()?;
        rest = rest.strip_prefix(next)?;
        range.1 = end;
    }
    Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters, `ab`, and `cd`; with a whole text as one word, or words by white space.
    fn json(by_words: bool) -> Value {
        let vocab: Vec<&str> = vec!["a", "b", "c", "d", "ab", "cd", " "];
        let vocab: serde_json::Map<_, _> =
            vocab.into_iter().zip(0..).map(|(token, id)| (token.to_owned(), json!(id))).collect();
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": by_words.then(|| json!({"type": "Whitespace"})), "post_processor": null, "decoder": null,
            "model": {"type": "BPE", "unk_token": null, "vocab": vocab, "merges": ["a b", "c d"]},
        })
    }

    fn offsets(by_words: bool, text: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let json = json(by_words);
        let tokenizer: Tokenizer = json.to_string().parse().unwrap();
        let dropped = Dropped::new(with_token(&json).unwrap().to_string().parse().unwrap()).unwrap();
        let encoding = tokenizer.encode(text, false).unwrap();
        let ranges = dropped.offsets(text, &encoding)?;
        let texts = ranges.into_iter().map(|(start, end)| text[start..end].to_owned()).collect();
        Ok((encoding.get_tokens().to_vec(), texts))
    }

    #[test]
    fn tokens_are_where_their_text_is() {
        for by_words in [false, true] {
            let (tokens, texts) = offsets(by_words, "ab#é ab🙂cd d").unwrap();
            let expected = if by_words { "ab ab cd d" } else { "ab|_|ab|cd|_|d" };
            let separator = if by_words { ' ' } else { '|' };
            let expected: Vec<String> =
                expected.split(separator).map(|token| token.replace('_', " ")).collect();
            assert_eq!((tokens, texts), (expected.clone(), expected));
        }
    }

    #[test]
    fn a_token_around_a_dropped_character_covers_it() {
        let (tokens, texts) = offsets(false, "c#d a#b").unwrap();
        assert_eq!(tokens, ["cd", " ", "ab"]);
        assert_eq!(texts, ["c#d", " ", "a#b"]);
    }

    #[test]
    fn tokenizers_with_every_byte_drop_nothing() {
        let mut bytes = json(false);
        bytes["model"]["byte_fallback"] = json!(true);
        let mut level = json(false);
        level["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]});
        for mut json in [bytes, level] {
            assert!(with_token(&json).is_some(), "most bytes have no token");
            let vocab = json["model"]["vocab"].as_object_mut().unwrap();
            let all = ByteLevel::alphabet().into_iter().map(String::from);
            for token in all.chain((0..=255).map(|byte| format!("<0x{byte:02X}>"))) {
                let next = vocab.len();
                vocab.entry(token).or_insert(json!(next));
            }
            assert_eq!(with_token(&json), None);
        }
    }

    #[test]
    fn tokenizers_with_an_unknown_token_drop_nothing() {
        let mut json = json(false);
        json["model"]["unk_token"] = json!("a");
        assert_eq!(with_token(&json), None);
        json["model"]["type"] = json!("WordLevel");
        assert_eq!(with_token(&json), None);
    }
}
