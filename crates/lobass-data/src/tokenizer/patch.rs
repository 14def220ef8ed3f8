//! What transformers changes in a `tokenizer.json` before it tokenises.
//!
//! Ids must be those that a person's trainer sees, and trainers load tokenizers through transformers, which does not
//! take the file as it is: `added_tokens_decoder` of the config overrides the file's added tokens, and the LLaMA class
//! replaces the file's normalizer. Source: `LlamaTokenizer` and `TokenizersBackend` in transformers 5.23.
//!
//! One thing it does is not done here: rebuilding a LLaMA tokenizer without its unknown token, so that a character the
//! vocabulary lacks silently disappears. We keep `<unk>`. It makes a difference only where there is no byte fallback.

use serde_json::{Value, json};

use super::TokenizerConfig;

/// The tokenizer's JSON as transformers would have it, with offsets that cover all of the text.
pub(super) fn patched(text: &str, config: &TokenizerConfig) -> Result<String, serde_json::Error> {
    let mut tokenizer: Value = serde_json::from_str(text)?;
    override_added_tokens(&mut tokenizer, config);
    replace_llama_normalizer(&mut tokenizer, config);
    keep_white_space_in_offsets(&mut tokenizer["post_processor"]);
    Ok(tokenizer.to_string())
}

fn override_added_tokens(tokenizer: &mut Value, config: &TokenizerConfig) {
    if config.added_tokens.is_empty() {
        return;
    }
    let listed = tokenizer.get_mut("added_tokens").map(Value::take);
    let mut tokens: Vec<Value> = match listed {
        Some(Value::Array(tokens)) => tokens,
        _ => Vec::new(),
    };
    for (id, flags) in &config.added_tokens {
        let mut token = json!({
            "id": id, "content": "", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": false,
        });
        if let (Some(token), Some(flags)) = (token.as_object_mut(), flags.as_object()) {
            for (flag, value) in token.iter_mut() {
                if let Some(given) = flags.get(flag) {
                    *value = given.clone();
                }
            }
        }
        match tokens.iter_mut().find(|token| token["id"] == *id) {
            Some(listed) => *listed = token,
            None => tokens.push(token),
        }
    }
    tokens.sort_by_key(|token| token["id"].as_u64());
    tokenizer["added_tokens"] = Value::Array(tokens);
}

/// The `SentencePiece` style of LLaMA is written in two ways: as a normalizer that prepends `▁` to every piece of text
/// between special tokens, or as a pre-tokenizer. transformers uses the second, which for `legacy: false` prepends it
/// to the beginning of the text alone and lets special tokens be found anywhere.
fn replace_llama_normalizer(tokenizer: &mut Value, config: &TokenizerConfig) {
    let llama = matches!(config.tokenizer_class.as_deref(), Some("LlamaTokenizer" | "LlamaTokenizerFast"));
    if !llama || !is_sentencepiece_normalizer(&tokenizer["normalizer"]) {
        return;
    }
    let scheme = match (config.add_prefix_space, config.legacy) {
        (false, _) => "never",
        (true, true) => "always",
        (true, false) => "first",
    };
    tokenizer["normalizer"] = Value::Null;
    tokenizer["pre_tokenizer"] =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
}

fn is_sentencepiece_normalizer(normalizer: &Value) -> bool {
    let steps = match normalizer["type"].as_str() {
        Some("Sequence") => normalizer["normalizers"].as_array().map(Vec::as_slice).unwrap_or_default(),
        Some(_) => std::slice::from_ref(normalizer),
        None => return false,
    };
    let replaces_spaces = |step: &Value| {
        step["type"] == "Replace" && step["pattern"]["String"] == " " && step["content"] == "▁"
    };
    let prepends = |step: &Value| step["type"] == "Prepend" && step["prepend"] == "▁";
    steps.iter().any(replaces_spaces) && steps.iter().all(|step| replaces_spaces(step) || prepends(step))
}

/// `trim_offsets` takes white space out of what a token is said to cover; ids do not depend on it, but masks would.
fn keep_white_space_in_offsets(processor: &mut Value) {
    if let Some(trim) = processor.get_mut("trim_offsets") {
        *trim = Value::Bool(false);
    }
    let steps = processor.get_mut("processors").and_then(Value::as_array_mut);
    steps.into_iter().flatten().for_each(keep_white_space_in_offsets);
}
