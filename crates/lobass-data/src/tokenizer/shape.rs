//! The outline of `tokenizer.json`, before its parts are rebuilt.

use serde_json::{Map, Value};

/// More tokens than any model has. Readers of vocabularies go through all ids up to the largest.
const MAX_IDS: u64 = 1 << 24;

/// Says what keeps a file from being a tokenizer: parts that are not there, and ids that no model has.
pub(super) fn fault(tokenizer: &Value) -> Option<String> {
    let expected = |what: &str| Some(format!("expected {what}"));
    let Some(model) = tokenizer.get("model").and_then(Value::as_object) else {
        return expected("an object with an object `model`");
    };
    let added: &[Value] = match tokenizer.get("added_tokens") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(tokens)) if tokens.iter().all(Value::is_object) => tokens,
        Some(_) => return expected("a list of objects as `added_tokens`"),
    };
    if let Some(name) = unlisted(tokenizer.get("post_processor")) {
        return Some(format!(
            "expected the special token `{name}` of the template in `special_tokens` of it, found none"
        ));
    }
    if let Some(merge) = impossible_merge(model) {
        return Some(format!("expected merges that make a token of `model.vocab`, found {merge}"));
    }
    let in_vocabulary: Vec<&Value> = match model.get("vocab") {
        Some(Value::Object(vocabulary)) => vocabulary.values().collect(),
        Some(Value::Array(_)) => Vec::new(),
        _ => return expected("an object or a list as `model.vocab`"),
    };
    let ids = in_vocabulary.into_iter().chain(added.iter().filter_map(|token| token.get("id")));
    let odd = ids.into_iter().find(|id| id.as_u64().is_none_or(|id| id >= MAX_IDS))?;
    Some(format!("expected token ids below {MAX_IDS}, found {odd}"))
}

/// A merge of BPE whose result is longer than every token, or shorter than the prefix it should have; the tokenizer
/// would panic at it.
fn impossible_merge(model: &Map<String, Value>) -> Option<&Value> {
    let longest = model.get("vocab")?.as_object()?.keys().map(String::len).max()?;
    let prefix = model.get("continuing_subword_prefix").and_then(Value::as_str).map_or(0, str::len);
    let parts = |merge: &Value| match merge {
        Value::String(words) => words.split_once(' ').map(|(left, right)| (left.len(), right.len())),
        pair => Some((pair.get(0)?.as_str()?.len(), pair.get(1)?.as_str()?.len())),
    };
    let is_impossible = |merge: &&Value| {
        parts(merge).is_some_and(|(left, right)| right < prefix || left + right - prefix > longest)
    };
    model.get("merges")?.as_array()?.iter().find(is_impossible)
}

/// A special token that a template of the post-processor names and does not define; the tokenizer would panic at it.
fn unlisted(processor: Option<&Value>) -> Option<&str> {
    let processor = processor?;
    if let Some(steps) = processor.get("processors").and_then(Value::as_array) {
        return steps.iter().find_map(|step| unlisted(Some(step)));
    }
    let sides = ["single", "pair"].into_iter().filter_map(|side| processor.get(side)?.as_array()).flatten();
    let mut names = sides.filter_map(|piece| piece.get("SpecialToken")?.get("id")?.as_str());
    names.find(|&name| processor.get("special_tokens").and_then(|listed| listed.get(name)).is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_tokenizer_is_named() {
        let model = json!({"vocab": {"a": 0}});
        assert_eq!(fault(&json!({"model": model})), None);
        assert_eq!(fault(&json!({"model": {"vocab": [["a", -1.0]]}, "added_tokens": [{"id": 1}]})), None);
        for (tokenizer, words) in [
            (json!("text"), "`model`"),
            (json!({"model": "text"}), "`model`"),
            (json!({"model": {"vocab": 1}}), "`model.vocab`"),
            (json!({"model": model, "added_tokens": [1]}), "`added_tokens`"),
            (json!({"model": {"vocab": {"a": 2_147_483_648_u64}}}), "found 2147483648"),
            (json!({"model": model, "added_tokens": [{"id": -1}]}), "found -1"),
            (json!({"model": {"vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}), "found \"a b\""),
            (json!({"model": {"vocab": {"a": 0}, "merges": [["a", "a"]]}}), "found [\"a\",\"a\"]"),
            (
                json!({"model": model, "post_processor": {"type": "Sequence", "processors": [
                    {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}],
                     "pair": [], "special_tokens": {"<t>": {"id": "<t>", "ids": [1], "tokens": ["<t>"]}}},
                ]}}),
                "`<s>`",
            ),
        ] {
            let fault = fault(&tokenizer).unwrap();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
