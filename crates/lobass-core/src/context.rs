//! The text that a model sees before the scored tokens.

use serde::{Deserialize, Serialize};

use crate::Sequence;

/// The text that a model sees before the scored tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// The prompt, as the template has it.
    #[default]
    Prompt,
    /// Nothing but a token that sequences begin with: what instruction-following difficulty (IFD, arXiv 2308.12032) and
    /// V-information (arXiv 2110.08420) compare the prompt with.
    Unconditional {
        /// The token.
        start: u32,
    },
}

impl Context {
    /// The sequence in this context. The same tokens are scored, in the same order.
    pub fn of(self, sequence: Sequence) -> Sequence {
        match self {
            Self::Prompt => sequence,
            Self::Unconditional { start } => sequence.unconditional(start),
        }
    }
}
