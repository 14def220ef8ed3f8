//! The outline of `tokenizer.json`, before its parts are rebuilt.

use serde_json::Value;

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
    let in_vocabulary: Vec<&Value> = match model.get("vocab") {
        Some(Value::Object(vocabulary)) => vocabulary.values().collect(),
        Some(Value::Array(_)) => Vec::new(),
        _ => return expected("an object or a list as `model.vocab`"),
    };
    let ids = in_vocabulary.into_iter().chain(added.iter().filter_map(|token| token.get("id")));
    let odd = ids.into_iter().find(|id| id.as_u64().is_none_or(|id| id >= MAX_IDS))?;
    Some(format!("expected token ids below {MAX_IDS}, found {odd}"))
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
        ] {
            let fault = fault(&tokenizer).unwrap();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
