//! The steps of a tokenizer that a class of transformers puts in the place of those in `tokenizer.json`.
//!
//! Source: `models/*/tokenization_*.py` of transformers 5.24. A class keeps the vocabulary, the merges, and the
//! post-processor of the file.

use serde_json::{Map, Value, json};

use super::class::Class;
use super::files::Files;
use super::special::SpecialTokens;

/// The digits and letters of Qwen2, one digit a token.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The pattern with combining marks as parts of words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Class {
    /// Tokens that the class has where no config says otherwise. `None` is a name that the class leaves empty.
    pub(super) fn default_tokens(self) -> &'static [(&'static str, Option<&'static str>)] {
        const END: Option<&str> = Some("<|endoftext|>");
        match self {
            Self::AsInFile => &[],
            Self::Llama => {
                &[("unk_token", Some("<unk>")), ("bos_token", Some("<s>")), ("eos_token", Some("</s>"))]
            }
            Self::CodeLlama => &[
                ("unk_token", Some("<unk>")),
                ("bos_token", Some("<s>")),
                ("eos_token", Some("</s>")),
                ("prefix_token", Some("▁<PRE>")),
                ("middle_token", Some("▁<MID>")),
                ("suffix_token", Some("▁<SUF>")),
                ("eot_token", Some("▁<EOT>")),
                ("fill_token", Some("<FILL_ME>")),
            ],
            Self::Qwen2 | Self::Qwen35 => {
                &[("unk_token", END), ("bos_token", None), ("eos_token", END), ("pad_token", END)]
            }
            Self::Gpt2 | Self::CodeGen => {
                &[("unk_token", END), ("bos_token", END), ("eos_token", END), ("pad_token", None)]
            }
            Self::GptNeoX => &[
                ("unk_token", END),
                ("bos_token", END),
                ("eos_token", END),
                ("pad_token", Some("<|padding|>")),
            ],
            Self::Gemma => &[
                ("unk_token", Some("<unk>")),
                ("bos_token", Some("<bos>")),
                ("eos_token", Some("<eos>")),
                ("pad_token", Some("<pad>")),
                ("mask_token", Some("<mask>")),
            ],
            Self::Cohere => &[
                ("unk_token", Some("<UNK>")),
                ("bos_token", Some("<BOS_TOKEN>")),
                ("eos_token", Some("<|END_OF_TURN_TOKEN|>")),
                ("pad_token", Some("<PAD>")),
                ("cls_token", Some("<CLS>")),
                ("sep_token", Some("<SEP>")),
                ("mask_token", Some("<MASK_TOKEN>")),
            ],
        }
    }

    /// Whether the padding of `tokenizer.json` names the pad token of a checkpoint that has none.
    pub(super) fn takes_padding_of_the_file(self) -> bool {
        matches!(self, Self::AsInFile | Self::Llama | Self::CodeLlama)
    }

    /// Puts the steps of the class into `tokenizer.json`. Tokens that were added to the vocabulary are added anew.
    pub(super) fn rebuild(self, tokenizer: &mut Value, files: &Files, special: &SpecialTokens) {
        if self == Self::AsInFile {
            return;
        }
        tokenizer["added_tokens"] = json!([]);
        let unknown = special.get("unk_token").map(|token| token.text().to_owned());
        let adds_space = files.switch("add_prefix_space");
        let (flags, normalizer, pre_tokenizer) = match self {
            Self::AsInFile => return,
            Self::Llama => {
                let scheme = match (adds_space.unwrap_or(true), files.switch("legacy").unwrap_or(false)) {
                    (false, _) => "never",
                    (true, true) => "always",
                    (true, false) => "first",
                };
                (json!({"fuse_unk": true, "byte_fallback": true}), Value::Null, metaspace(scheme))
            }
            Self::CodeLlama => {
                let scheme = if adds_space.unwrap_or(true) { "first" } else { "never" };
                let flags = json!({"fuse_unk": true, "byte_fallback": true, "unk_token": unknown});
                (flags, Value::Null, metaspace(scheme))
            }
            Self::Gemma => (
                json!({"fuse_unk": true, "byte_fallback": true, "unk_token": unknown}),
                json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
                split(&json!({"String": " "}), "MergedWithPrevious"),
            ),
            Self::Qwen2 | Self::Qwen35 => {
                let regex = if self == Self::Qwen2 { QWEN2 } else { QWEN35 };
                let words = split(&json!({"Regex": regex}), "Isolated");
                (json!({}), nfc(), sequence(words, byte_level(adds_space, false)))
            }
            Self::Gpt2 | Self::CodeGen => (json!({}), Value::Null, byte_level(adds_space, true)),
            Self::GptNeoX => (json!({}), nfc(), byte_level(adds_space, true)),
            Self::Cohere => {
                let digits = json!({"type": "Digits", "individual_digits": true});
                (json!({}), nfc(), sequence(digits, byte_level(adds_space, true)))
            }
        };
        tokenizer["model"] = bpe(tokenizer["model"].take(), &flags);
        tokenizer["normalizer"] = normalizer;
        tokenizer["pre_tokenizer"] = pre_tokenizer;
    }
}

fn nfc() -> Value {
    json!({"type": "NFC"})
}

fn metaspace(scheme: &str) -> Value {
    json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false})
}

fn split(pattern: &Value, behavior: &str) -> Value {
    json!({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": false})
}

#[expect(clippy::needless_pass_by_value, reason = "both are made for this call")]
fn sequence(first: Value, second: Value) -> Value {
    json!({"type": "Sequence", "pretokenizers": [first, second]})
}

fn byte_level(adds_space: Option<bool>, use_regex: bool) -> Value {
    let adds_space = adds_space.unwrap_or(false);
    json!({"type": "ByteLevel", "add_prefix_space": adds_space, "trim_offsets": true, "use_regex": use_regex})
}

/// A BPE model with the vocabulary of another one. Only BPE has merges.
fn bpe(mut model: Value, flags: &Value) -> Value {
    let vocabulary = match model["vocab"].take() {
        Value::Array(tokens) => Value::Object(numbered(&tokens)),
        vocabulary => vocabulary,
    };
    let merges = match model["merges"].take() {
        Value::Null => json!([]),
        merges => merges,
    };
    let mut bpe = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocabulary, "merges": merges,
    });
    for (flag, value) in flags.as_object().into_iter().flatten() {
        bpe[flag] = value.clone();
    }
    bpe
}

/// A list of tokens, or of tokens with scores, as a map to their places.
fn numbered(tokens: &[Value]) -> Map<String, Value> {
    let text = |token: &Value| token.as_str().or_else(|| token[0].as_str()).map(str::to_owned);
    let numbered = tokens.iter().enumerate();
    numbered.filter_map(|(id, token)| Some((text(token)?, Value::from(id)))).collect()
}
