//! The model families, and what each takes for granted.

use std::fmt;

use super::ConfigError;

/// The model families that one decoder covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// Llama 1 to 3, SmolLM 1 and 2, TinyLlama, and all others that say `"model_type": "llama"`.
    Llama,
    /// Mistral 7B and its kin.
    Mistral,
    /// Qwen2 and Qwen2.5: biases on q, k, and v.
    Qwen2,
    /// Qwen3: norms on the heads of q and k.
    Qwen3,
    /// SmolLM3: some layers without rotary embedding.
    SmolLm3,
}

/// What a config may leave out: the values of the family's configuration class in transformers 5.24.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) max_position_embeddings: usize,
    /// Base of the rotary wavelengths.
    pub(super) rope_theta: f64,
}

impl Family {
    const ALL: [(&'static str, Self); 5] = [
        ("llama", Self::Llama),
        ("mistral", Self::Mistral),
        ("qwen2", Self::Qwen2),
        ("qwen3", Self::Qwen3),
        ("smollm3", Self::SmolLm3),
    ];

    pub(super) fn from_model_type(model_type: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find_map(|(name, family)| (name == model_type).then_some(family)).ok_or_else(
            || {
                let known: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
                ConfigError::unsupported("model_type", model_type, &format!("one of {}", known.join(", ")))
            },
        )
    }

    pub(super) fn defaults(self) -> Defaults {
        let llama = Defaults {
            vocab_size: 32_000,
            hidden_size: 4096,
            intermediate_size: 11_008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            max_position_embeddings: 2048,
            rope_theta: 10_000.0,
        };
        match self {
            Self::Llama => llama,
            Self::Mistral => {
                Defaults { intermediate_size: 14_336, max_position_embeddings: 131_072, ..llama }
            }
            Self::Qwen2 | Self::Qwen3 => Defaults {
                vocab_size: 151_936,
                intermediate_size: 22_016,
                max_position_embeddings: 32_768,
                ..llama
            },
            Self::SmolLm3 => Defaults {
                vocab_size: 128_256,
                hidden_size: 2048,
                num_hidden_layers: 36,
                num_attention_heads: 16,
                max_position_embeddings: 32_768,
                rope_theta: 2_000_000.0,
                ..llama
            },
        }
    }

    pub(super) fn ties_by_default(self) -> bool {
        matches!(self, Self::SmolLm3)
    }

    /// Heads of keys and values in configs that leave them out, as the classes of transformers have it.
    pub(super) fn default_kv_heads(self, num_attention_heads: usize) -> usize {
        match self {
            Self::Llama => num_attention_heads,
            Self::Mistral => 8,
            Self::Qwen2 | Self::Qwen3 => 32,
            Self::SmolLm3 => 4,
        }
    }

    pub(super) fn default_head_dim(self, hidden_size: usize, num_attention_heads: usize) -> usize {
        match self {
            Self::Qwen3 => 128,
            _ => hidden_size / num_attention_heads,
        }
    }

    pub(super) fn default_sliding_window(self) -> Option<usize> {
        match self {
            Self::Mistral | Self::Qwen2 | Self::Qwen3 => Some(4096),
            Self::Llama | Self::SmolLm3 => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find_map(|(name, family)| (family == self).then_some(*name));
        f.pad(name.unwrap_or("unknown"))
    }
}
