//! How examples become sequences: which tokens count, and how many there may be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::transform::Transform;

/// Which tokens count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    /// The responses, each with its end-of-turn token.
    #[default]
    Response,
    /// The responses without the tokens that end their turns, which can be most of what a short one teaches.
    Text,
    /// Text that the chat template marks with `{% generation %}`, on which TRL trains.
    Generation,
    /// Everything but the first token, which nothing predicts.
    All,
}

/// The policy for examples that are longer than the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlong {
    /// It is not scored.
    #[default]
    Drop,
    /// It is cut at the end, and scored if a part of a response is left.
    Truncate,
    /// The whole run stops.
    Error,
}

/// How examples become sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeOptions {
    /// Which tokens count.
    pub mask: Mask,
    /// The longest sequence, in tokens.
    pub max_length: usize,
    /// The policy for longer ones.
    pub overlong: Overlong,
    /// The number of tokens that the model has embeddings for, if the tokenizer has more. A sequence with a token from
    /// there on has the status [`OutOfVocabulary`](lobass_core::RowStatus::OutOfVocabulary).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// The change of every prompt, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),* }) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word),* })
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("expected one of {}, found `{text}`", [$($word),*].join(", "))),
                }
            }
        }
    };
}

words!(Mask { Response => "response", Text => "text", Generation => "generation", All => "all" });
words!(Overlong { Drop => "drop", Truncate => "truncate", Error => "error" });
