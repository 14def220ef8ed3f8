//! The identity of a tokenizer, and the differences of two.

use std::collections::BTreeMap;
use std::fmt;

use tokenizers::{AddedToken, Tokenizer};

use super::{SpecialToken, TextTokenizer};
use crate::digest::sha256;

/// How another tokenizer differs from one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenizerDifference {
    /// It has further added tokens. A text that holds none of them has the same ids.
    Further(Vec<String>),
    /// It gives other ids.
    Other(String),
}

impl fmt::Display for TokenizerDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Further(tokens) => write!(f, "further tokens: `{}`", tokens.join("`, `")),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// Hashes of what decides ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Digest of vocabulary, merges, and steps.
    pipeline: String,
    /// Digest of these and of all added tokens and leading ones.
    pub(super) whole: String,
}

impl Identity {
    pub(super) fn of(tokenizer: &Tokenizer, leading: &[SpecialToken]) -> Result<Self, serde_json::Error> {
        let steps = serde_json::to_string(&(
            tokenizer.get_model(),
            tokenizer.get_normalizer(),
            tokenizer.get_pre_tokenizer(),
            tokenizer.get_encode_special_tokens(),
        ))?;
        let pipeline = sha256(steps.as_bytes());
        let leading: Vec<u32> = leading.iter().map(|token| token.id).collect();
        let added = serde_json::to_string(&added_tokens(tokenizer))?;
        let whole = sha256(format!("{pipeline}\n{leading:?}\n{added}").as_bytes());
        Ok(Self { pipeline, whole })
    }
}

fn added_tokens(tokenizer: &Tokenizer) -> BTreeMap<u32, AddedToken> {
    tokenizer.get_added_tokens_decoder().into_iter().collect()
}

impl TextTokenizer {
    /// How `other` differs from this one; `None` if both give the same ids for every text.
    pub fn difference(&self, other: &Self) -> Option<TokenizerDifference> {
        if self.identity.whole == other.identity.whole {
            return None;
        }
        let found = |what: String| Some(TokenizerDifference::Other(what));
        let (ours, theirs) = (added_tokens(&self.tokenizer), added_tokens(&other.tokenizer));
        if self.identity.pipeline != other.identity.pipeline {
            let (n, m) = (self.tokenizer.get_vocab_size(false), other.tokenizer.get_vocab_size(false));
            return found(match n == m {
                true => "the same number of tokens, with other merges or steps".to_owned(),
                false => format!("{m} tokens instead of {n}"),
            });
        }
        if self.leading != other.leading {
            let names = |tokens: &[SpecialToken]| {
                tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
            };
            return found(format!(
                "sequences that begin with `{}` instead of `{}`",
                names(&other.leading),
                names(&self.leading)
            ));
        }
        for (id, token) in &ours {
            match theirs.get(id) {
                Some(other) if other == token => {}
                Some(other) if other.content == token.content => {
                    return found(format!("token `{}` with other flags", token.content));
                }
                Some(other) => {
                    return found(format!(
                        "token `{}` at {id} instead of `{}`",
                        other.content, token.content
                    ));
                }
                None => return found(format!("no token `{}`", token.content)),
            }
        }
        let further = theirs.iter().filter(|(id, _)| !ours.contains_key(id));
        Some(TokenizerDifference::Further(further.map(|(_, token)| token.content.clone()).collect()))
    }
}
