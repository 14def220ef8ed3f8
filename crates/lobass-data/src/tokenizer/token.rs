//! A token as configs write it: as text, or as text with flags.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::AddedToken;

/// A token of a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Text alone.
    Text(String),
    /// An object with flags.
    Flagged(Flagged),
}

/// An `AddedToken` of transformers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the file")]
pub(super) struct Flagged {
    pub(super) content: String,
    #[serde(default)]
    pub(super) single_word: bool,
    #[serde(default)]
    pub(super) lstrip: bool,
    #[serde(default)]
    pub(super) rstrip: bool,
    /// Without it, a special token is not normalized and any other is.
    #[serde(default)]
    pub(super) normalized: Option<bool>,
    #[serde(default)]
    pub(super) special: bool,
}

impl Token {
    /// `None` for a value that is neither text nor an object with a `content`.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Object(_) => Flagged::parse(value).map(Self::Flagged),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Flagged(token) => &token.content,
        }
    }

    /// As a special token that is added to the vocabulary. A token without flags is not normalized.
    pub(super) fn special(&self) -> AddedToken {
        match self {
            Self::Text(text) => AddedToken::from(text.as_str(), true),
            Self::Flagged(token) => Flagged { special: true, ..token.clone() }.added(),
        }
    }
}

impl Flagged {
    pub(super) fn parse(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    pub(super) fn added(&self) -> AddedToken {
        AddedToken::from(self.content.as_str(), self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized.unwrap_or(!self.special))
    }
}
