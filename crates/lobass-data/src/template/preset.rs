//! Templates by name, for checkpoints that bring none.

use std::fmt;
use std::str::FromStr;

/// A chat template that lobass brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// Stanford Alpaca's two prompts, with and without an input; further turns as LLaMA-Factory adds them.
    Alpaca,
    /// Vicuna 1.1, as in FastChat.
    Vicuna,
    /// `<|im_start|>` and `<|im_end|>`.
    ChatMl,
    /// `[INST]` and `<<SYS>>`.
    Llama2,
    /// `<|start_header_id|>` and `<|eot_id|>`.
    Llama3,
    /// `<|user|>` and `<|assistant|>`, as in Tülu.
    Tulu,
    /// Turns one after the other with nothing between them, as TRL joins `prompt` and `completion`.
    Plain,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 7] =
        [Self::Alpaca, Self::Vicuna, Self::ChatMl, Self::Llama2, Self::Llama3, Self::Tulu, Self::Plain];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alpaca => "alpaca",
            Self::Vicuna => "vicuna",
            Self::ChatMl => "chatml",
            Self::Llama2 => "llama2",
            Self::Llama3 => "llama3",
            Self::Tulu => "tulu",
            Self::Plain => "plain",
        }
    }

    /// Its Jinja source.
    pub fn source(self) -> &'static str {
        match self {
            Self::Alpaca => include_str!("presets/alpaca.jinja"),
            Self::Vicuna => include_str!("presets/vicuna.jinja"),
            Self::ChatMl => include_str!("presets/chatml.jinja"),
            Self::Llama2 => include_str!("presets/llama2.jinja"),
            Self::Llama3 => include_str!("presets/llama3.jinja"),
            Self::Tulu => include_str!("presets/tulu.jinja"),
            Self::Plain => include_str!("presets/plain.jinja"),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|preset| preset.as_str()).collect();
            format!("expected one of {}, found `{text}`", known.join(", "))
        })
    }
}
