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

    /// The longest sequence of configs that leave it out, as the classes of transformers 5.24 have it.
    pub(super) fn default_positions(self) -> usize {
        match self {
            Self::Llama => 2048,
            Self::Mistral => 131_072,
            Self::Qwen2 | Self::Qwen3 | Self::SmolLm3 => 32_768,
        }
    }

    /// Rotary base of configs that leave it out.
    pub(super) fn default_theta(self) -> f64 {
        match self {
            Self::SmolLm3 => 2_000_000.0,
            _ => 10_000.0,
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
