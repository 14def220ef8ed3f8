//! The files of a checkpoint that decide its tokenizer.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::Error;

/// Files that tokenizers have instead of `tokenizer.json`.
const OTHER_FILES: [&str; 5] = ["tokenizer.model", "tekken.json", "vocab.json", "vocab.txt", "spiece.model"];

/// The files beside `tokenizer.json`. A missing file is `None`, or an empty map.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) dir: PathBuf,
    /// `tokenizer_config.json`.
    pub(super) config: Map<String, Value>,
    /// `special_tokens_map.json`.
    pub(super) special_tokens_map: Option<Map<String, Value>>,
    /// `added_tokens.json`: ids by token.
    pub(super) added_tokens: Option<Map<String, Value>>,
    /// `config.json` of the model.
    pub(super) model: Map<String, Value>,
}

impl Files {
    pub(super) fn read(dir: &Path) -> Result<Self, Error> {
        let map = |name: &str, expected| read_map(&dir.join(name), expected);
        Ok(Self {
            dir: dir.to_owned(),
            config: map("tokenizer_config.json", "a tokenizer config")?.unwrap_or_default(),
            special_tokens_map: map("special_tokens_map.json", "a map of special tokens")?,
            added_tokens: map("added_tokens.json", "a map of tokens to ids")?,
            model: map("config.json", "a model config")?.unwrap_or_default(),
        })
    }

    /// Text of `tokenizer_config.json`.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.config.get(name)?.as_str()
    }

    /// A yes or no of `tokenizer_config.json`.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        self.config.get(name)?.as_bool()
    }

    /// Text of `config.json`.
    pub(super) fn of_model(&self, name: &str) -> Option<&str> {
        self.model.get(name)?.as_str()
    }

    /// The text of `tokenizer.json`.
    pub(super) fn tokenizer(&self) -> Result<String, Error> {
        let path = self.tokenizer_path();
        let other = OTHER_FILES.into_iter().find(|name| self.dir.join(name).exists());
        if let Some(other) = other.filter(|_| !path.exists()) {
            let reason =
                format!("found only `{other}`; open it with transformers and save it again to get this file");
            return Err(Error::Tokenizer { path, reason });
        }
        let text = fs_err::read_to_string(&path)?;
        if text.starts_with("version https://git-lfs") {
            let reason = "is a pointer of Git LFS; fetch the file with `git lfs pull`".to_owned();
            return Err(Error::Tokenizer { path, reason });
        }
        Ok(text)
    }

    pub(super) fn tokenizer_path(&self) -> PathBuf {
        self.dir.join("tokenizer.json")
    }

    /// Whether `tokenizer.json` has a byte-level step, found as transformers finds it; no if there is no such file.
    pub(super) fn is_byte_level(&self) -> Result<bool, Error> {
        let path = self.tokenizer_path();
        Ok(path.exists() && fs_err::read_to_string(&path)?.contains("\"ByteLevel\""))
    }

    /// An error in `tokenizer_config.json`.
    pub(super) fn fault(&self, reason: String) -> Error {
        Error::Tokenizer { path: self.dir.join("tokenizer_config.json"), reason }
    }
}

fn read_map(path: &Path, expected: &'static str) -> Result<Option<Map<String, Value>>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(path)?;
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|source| Error::Json { path: path.to_owned(), expected, source })
}
