//! The part of a tokenizer's configs that a chat template needs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::class;
use super::files::Files;
use super::special::SpecialTokens;
use crate::Error;

/// Special tokens by name, and the template.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenizerConfig {
    /// All named special tokens, `bos_token`, `pad_token`, and so on, by name: what templates see.
    pub(crate) named_tokens: BTreeMap<String, String>,
    /// `chat_template` of `tokenizer_config.json`.
    pub(crate) chat_template: Option<Value>,
}

impl TokenizerConfig {
    /// Reads the files of a directory; all may be missing.
    pub(crate) fn from_dir(dir: &Path) -> Result<Self, Error> {
        let files = Files::read(dir)?;
        let special = SpecialTokens::read(&files, class::choose(&files)?.class, None)?;
        let named = special.named.iter().map(|(name, token)| (name.clone(), token.text().to_owned()));
        Ok(Self { named_tokens: named.collect(), chat_template: files.config.get("chat_template").cloned() })
    }
}
