//! The word pattern of Mistral's large vocabularies, which early conversions got wrong.
//!
//! Source: `_patch_mistral_regex` of `TokenizersBackend` in transformers 5.24.

use serde_json::{Value, json};
use tokenizers::{PreTokenizerWrapper, Tokenizer};

use super::files::Files;

const WORDS: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const MODEL_TYPES: [&str; 5] = ["mistral", "mistral3", "voxtral", "ministral", "pixtral"];
const LARGE: usize = 100_000;

/// Replaces the pattern where `fix_mistral_regex` asks for it and transformers would.
pub(super) fn fix_words(tokenizer: &mut Tokenizer, files: &Files) -> tokenizers::Result<()> {
    let asked = files.switch("fix_mistral_regex") == Some(true) && !files.model.is_empty();
    let is_mistral = files.of_model("model_type").is_none_or(|name| MODEL_TYPES.contains(&name));
    if !asked || !is_mistral || saved_by_version_5(files) || tokenizer.get_vocab_size(true) <= LARGE {
        return Ok(());
    }
    let Some(steps) = tokenizer.get_pre_tokenizer() else { return Ok(()) };
    let words =
        json!({"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": false});
    let mut steps = serde_json::to_value(steps)?;
    let steps = match steps["pretokenizers"].as_array_mut() {
        Some(list) if !list.is_empty() => {
            list[0] = words;
            steps
        }
        _ => {
            if steps["type"] == "Metaspace" {
                steps = json!({
                    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
                });
            }
            json!({"type": "Sequence", "pretokenizers": [words, steps]})
        }
    };
    let steps: PreTokenizerWrapper = serde_json::from_value::<PreTokenizerWrapper>(Value::clone(&steps))?;
    tokenizer.with_pre_tokenizer(Some(steps));
    Ok(())
}

fn saved_by_version_5(files: &Files) -> bool {
    let version = files.of_model("transformers_version").and_then(|version| version.split('.').next());
    version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 5)
}
