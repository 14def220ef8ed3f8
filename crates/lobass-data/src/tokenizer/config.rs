//! `tokenizer_config.json` and `special_tokens_map.json`, as far as they change ids or templates.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// What the files beside `tokenizer.json` say.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenizerConfig {
    pub(crate) tokenizer_class: Option<String>,
    pub(crate) legacy: bool,
    pub(crate) add_prefix_space: bool,
    pub(crate) add_bos_token: Option<bool>,
    pub(crate) bos_token: Option<String>,
    pub(crate) eos_token: Option<String>,
    /// All named special tokens, `bos_token`, `pad_token`, and so on, by name: what templates see.
    pub(crate) named_tokens: BTreeMap<String, String>,
    /// Added tokens by id, as JSON objects in the form of `tokenizer.json`.
    pub(crate) added_tokens: BTreeMap<u32, Value>,
    pub(crate) chat_template: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct RawConfig {
    tokenizer_class: Option<String>,
    legacy: Option<bool>,
    add_prefix_space: Option<bool>,
    add_bos_token: Option<bool>,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<u32, Value>,
    chat_template: Option<Value>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

const NAMED: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

impl TokenizerConfig {
    /// Reads the files of a directory; both may be missing.
    pub(crate) fn from_dir(dir: &Path) -> Result<Self, Error> {
        let map: BTreeMap<String, Value> =
            read_optional(&dir.join("special_tokens_map.json"), "a map of special tokens")?
                .unwrap_or_default();
        let raw: RawConfig =
            read_optional(&dir.join("tokenizer_config.json"), "a tokenizer config")?.unwrap_or_default();
        // The config is the newer of the two files, and wins.
        let named_tokens: BTreeMap<String, String> = NAMED
            .iter()
            .filter_map(|&name| {
                let token = raw.rest.get(name).filter(|token| !token.is_null()).or_else(|| map.get(name))?;
                Some((name.to_owned(), token_text(token)?))
            })
            .collect();
        Ok(Self {
            tokenizer_class: raw.tokenizer_class,
            legacy: raw.legacy.unwrap_or(false),
            add_prefix_space: raw.add_prefix_space.unwrap_or(true),
            add_bos_token: raw.add_bos_token,
            bos_token: named_tokens.get("bos_token").cloned(),
            eos_token: named_tokens.get("eos_token").cloned(),
            named_tokens,
            added_tokens: raw.added_tokens_decoder,
            chat_template: raw.chat_template,
        })
    }
}

/// A token is written as text or as an object with its `content`.
fn token_text(token: &Value) -> Option<String> {
    token.as_str().or_else(|| token.get("content")?.as_str()).map(str::to_owned)
}

fn read_optional<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<Option<T>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(path)?;
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|source| Error::Json { path: path.to_owned(), expected, source })
}
