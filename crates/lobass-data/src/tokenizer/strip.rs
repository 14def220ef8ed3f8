//! Special tokens with `lstrip` or `rstrip`, which swallow the white space beside them.
//!
//! The offsets of the tokenizers library include that white space. A mask must leave it out. Otherwise the header
//! `<|assistant|>` of Phi-3 would be scored in rows whose response begins with a blank.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tokenizers::Tokenizer;

use super::TokenizedText;

/// The texts of these tokens, by id.
#[derive(Debug, Default)]
pub(super) struct Strips(BTreeMap<u32, String>);

impl Strips {
    pub(super) fn of(tokenizer: &Tokenizer) -> Self {
        let tokens = tokenizer.get_added_tokens_decoder().into_iter();
        let strips = tokens.filter(|(_, token)| token.lstrip || token.rstrip);
        Self(strips.map(|(id, token)| (id, token.content)).collect())
    }

    /// The offsets of tokens without that white space.
    pub(super) fn places<'a>(&self, text: &str, tokens: &'a TokenizedText) -> Cow<'a, [(usize, usize)]> {
        if !tokens.ids.iter().any(|id| self.0.contains_key(id)) {
            return Cow::Borrowed(&tokens.offsets);
        }
        let places = tokens.ids.iter().zip(&tokens.offsets).map(|(id, &(start, end))| {
            let content = self.0.get(id).filter(|content| !content.is_empty());
            let at = content.and_then(|content| Some((text.get(start..end)?.find(content)?, content.len())));
            at.map_or((start, end), |(at, length)| (start + at, start + at + length))
        });
        Cow::Owned(places.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn white_space_beside_a_token_is_not_the_tokens() {
        let vocab: serde_json::Map<_, _> =
            ["a", " ", "\n"].into_iter().zip(0..).map(|(token, id)| (token.to_owned(), json!(id))).collect();
        let added = |id: u32, content: &str, lstrip: bool, rstrip: bool| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": rstrip,
                "normalized": false, "special": true})
        };
        let json = json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": null,
            "post_processor": null, "decoder": null,
            "added_tokens": [added(3, "<h>", false, true), added(4, "<e>", true, false), added(5, "<x>", false, false)],
            "model": {"type": "BPE", "unk_token": null, "vocab": vocab, "merges": []},
        });
        let tokenizer: Tokenizer = json.to_string().parse().unwrap();
        let text = "<h> \na \n<e> <x>a";
        let encoding = tokenizer.encode(text, false).unwrap();
        let tokens =
            TokenizedText { ids: encoding.get_ids().to_vec(), offsets: encoding.get_offsets().to_vec() };
        let texts = |places: &[(usize, usize)]| -> Vec<String> {
            places.iter().map(|&(start, end)| text[start..end].to_owned()).collect()
        };
        assert_eq!(texts(&tokens.offsets), ["<h> \n", "a", " \n<e>", " ", "<x>", "a"]);
        let places = Strips::of(&tokenizer).places(text, &tokens);
        assert_eq!(texts(&places), ["<h>", "a", "<e>", " ", "<x>", "a"]);
    }
}
