//! What a checkpoint computes: `config.json`, resolved and checked.
//!
//! Field names are those of Hugging Face's `config.json`. Everything that would change a loss is either understood
//! or refused by name; nothing is guessed.

mod raw;
mod rope;

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::checkpoint::{TensorSpec, expected_tensors};
use raw::{RawConfig, Window};
pub use rope::{RopeConfig, RopeScaling};

/// The model families that one decoder covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// Llama 1 to 3, SmolLM 1 and 2, TinyLlama, and whatever else says `"model_type": "llama"`.
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

    fn from_model_type(model_type: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find_map(|(name, family)| (name == model_type).then_some(family)).ok_or_else(
            || {
                let known: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
                ConfigError::unsupported("model_type", model_type, &format!("one of {}", known.join(", ")))
            },
        )
    }

    /// Rotary base of configs that leave it out.
    fn default_theta(self) -> f64 {
        match self {
            Self::SmolLm3 => 2_000_000.0,
            _ => 10_000.0,
        }
    }

    fn ties_by_default(self) -> bool {
        matches!(self, Self::SmolLm3)
    }

    /// Heads of keys and values in configs that leave them out, as the classes of transformers 5.23 have it.
    fn default_kv_heads(self, num_attention_heads: usize) -> usize {
        match self {
            Self::Llama => num_attention_heads,
            Self::Mistral => 8,
            Self::Qwen2 | Self::Qwen3 => 32,
            Self::SmolLm3 => 4,
        }
    }

    fn default_head_dim(self, hidden_size: usize, num_attention_heads: usize) -> usize {
        match self {
            Self::Qwen3 => 128,
            _ => hidden_size / num_attention_heads,
        }
    }

    fn default_sliding_window(self) -> Option<usize> {
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

/// What one layer does differently from its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerConfig {
    /// Position `q` sees position `k` only if `q - k` is below this.
    pub sliding_window: Option<usize>,
    /// Whether queries and keys are rotated.
    pub rotary: bool,
}

/// A LLaMA-family architecture with every default filled in.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of `config.json`, free of the others")]
pub struct LlamaConfig {
    /// The family, from `model_type`.
    pub family: Family,
    /// Rows of the embedding; token ids are below this.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Number of decoder layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides the number of query heads.
    pub num_key_value_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Longest sequence the model was made for.
    pub max_position_embeddings: usize,
    /// Standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Added to the mean square before its root.
    pub rms_norm_eps: f64,
    /// Whether the head shares the embedding's weight.
    pub tie_word_embeddings: bool,
    /// Bias on q, k, and v.
    pub qkv_bias: bool,
    /// Bias on the attention's output projection.
    pub o_bias: bool,
    /// Bias on the three MLP projections.
    pub mlp_bias: bool,
    /// RMS norm over each head of q and k.
    pub qk_norm: bool,
    /// Rotary embedding.
    pub rope: RopeConfig,
    /// One entry per layer.
    pub layers: Vec<LayerConfig>,
    /// Beginning-of-sequence token, if the config names one.
    pub bos_token_id: Option<u32>,
    /// End-of-sequence tokens; possibly several, possibly none.
    pub eos_token_ids: Vec<u32>,
}

/// Why a `config.json` cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not the JSON object that a config is.
    #[error("not a model config")]
    Json(#[from] serde_json::Error),
    /// A field without which there is no model.
    #[error("expected field `{field}`, found none")]
    Missing {
        /// The field.
        field: String,
    },
    /// A value that cannot be.
    #[error("field `{field}`: expected {expected}, found {found}")]
    Invalid {
        /// The field.
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A value that other tools understand and lobass does not.
    #[error("field `{field}`: `{found}` is not supported; expected {expected}")]
    Unsupported {
        /// The field.
        field: String,
        /// What it is.
        found: String,
        /// What lobass understands.
        expected: String,
    },
}

impl ConfigError {
    fn missing(field: &str) -> Self {
        Self::Missing { field: field.to_owned() }
    }

    fn unsupported(field: &str, found: impl fmt::Display, expected: &str) -> Self {
        Self::Unsupported { field: field.to_owned(), found: found.to_string(), expected: expected.to_owned() }
    }

    fn invalid(field: &str, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self::Invalid { field: field.to_owned(), found: found.to_string(), expected: expected.to_string() }
    }
}

/// More layers than anyone has; a file that asks for more would have us list its tensors for ever.
const MAX_LAYERS: usize = 10_000;

impl LlamaConfig {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field: one that is missing, impossible, or not supported.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let raw: RawConfig = serde_json::from_str(text)?;
        let family =
            Family::from_model_type(raw.model_type.as_deref().ok_or(ConfigError::missing("model_type"))?)?;
        refuse_unsupported(&raw)?;

        let required = |field: &'static str, value: Option<usize>| match value {
            Some(0) => Err(ConfigError::invalid(field, 0, "a positive number")),
            Some(value) => Ok(value),
            None => Err(ConfigError::missing(field)),
        };
        let hidden_size = required("hidden_size", raw.hidden_size)?;
        let num_attention_heads = required("num_attention_heads", raw.num_attention_heads)?;
        let num_hidden_layers = required("num_hidden_layers", raw.num_hidden_layers)?;
        if num_hidden_layers > MAX_LAYERS {
            return Err(ConfigError::invalid(
                "num_hidden_layers",
                num_hidden_layers,
                format!("at most {MAX_LAYERS}"),
            ));
        }
        let max_position_embeddings = required("max_position_embeddings", raw.max_position_embeddings)?;
        let attention_bias = raw.attention_bias.unwrap_or(false);

        let config = Self {
            family,
            vocab_size: required("vocab_size", raw.vocab_size)?,
            hidden_size,
            intermediate_size: required("intermediate_size", raw.intermediate_size)?,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: raw
                .num_key_value_heads
                .unwrap_or_else(|| family.default_kv_heads(num_attention_heads)),
            head_dim: raw
                .head_dim
                .unwrap_or_else(|| family.default_head_dim(hidden_size, num_attention_heads)),
            max_position_embeddings,
            initializer_range: raw.initializer_range.unwrap_or(0.02),
            rms_norm_eps: raw.rms_norm_eps.unwrap_or(1e-6),
            tie_word_embeddings: raw.tie_word_embeddings.unwrap_or(family.ties_by_default()),
            qkv_bias: family == Family::Qwen2 || attention_bias && family != Family::Mistral,
            o_bias: attention_bias && !matches!(family, Family::Mistral | Family::Qwen2),
            mlp_bias: matches!(family, Family::Llama | Family::SmolLm3) && raw.mlp_bias.unwrap_or(false),
            qk_norm: family == Family::Qwen3,
            rope: RopeConfig::from_raw(&raw, family.default_theta(), max_position_embeddings)?,
            layers: layers(family, &raw, num_hidden_layers)?,
            bos_token_id: token_ids("bos_token_id", raw.bos_token_id.as_ref())?.first().copied(),
            eos_token_ids: token_ids("eos_token_id", raw.eos_token_id.as_ref())?,
        };
        config.check_heads()?;
        Ok(config)
    }

    /// The number of parameters; a tied head counts once.
    pub fn n_parameters(&self) -> usize {
        expected_tensors(self).iter().map(TensorSpec::n_elements).sum()
    }

    fn check_heads(&self) -> Result<(), ConfigError> {
        let Self { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, .. } = *self;
        if kv_heads == 0 || heads % kv_heads != 0 {
            let expected = format!("a divisor of num_attention_heads, {heads}");
            return Err(ConfigError::invalid("num_key_value_heads", kv_heads, expected));
        }
        if head_dim == 0 || head_dim % 2 != 0 {
            return Err(ConfigError::invalid("head_dim", head_dim, "a positive even number"));
        }
        Ok(())
    }
}

fn refuse_unsupported(raw: &RawConfig) -> Result<(), ConfigError> {
    if let Some(act) = raw.hidden_act.as_deref().filter(|&act| act != "silu" && act != "swish") {
        return Err(ConfigError::unsupported("hidden_act", act, "silu"));
    }
    if let Some(quantization) = &raw.quantization_config {
        let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("unnamed method");
        return Err(ConfigError::unsupported("quantization_config", method, "f32, f16, or bf16 weights"));
    }
    Ok(())
}

/// Which layers slide and which rotate, as each family's configuration class in transformers decides it.
fn layers(family: Family, raw: &RawConfig, n_layers: usize) -> Result<Vec<LayerConfig>, ConfigError> {
    let window = match raw.sliding_window {
        Window::LeftOut => family.default_sliding_window(),
        Window::Null => None,
        Window::Tokens(tokens) => Some(tokens),
    };
    let window = match family {
        Family::Llama => None,
        Family::Mistral => window,
        Family::Qwen2 | Family::Qwen3 | Family::SmolLm3 => {
            window.filter(|_| raw.use_sliding_window.unwrap_or(false))
        }
    };
    let interval = raw.no_rope_layer_interval.unwrap_or(4);
    let rotary = |layer: usize| match (family, &raw.no_rope_layers) {
        (Family::SmolLm3, Some(flags)) => flags.get(layer).is_none_or(|&flag| flag != 0),
        (Family::SmolLm3, None) => interval == 0 || !(layer + 1).is_multiple_of(interval),
        _ => true,
    };
    let slides = |layer: usize| match (family, &raw.layer_types) {
        (Family::Llama, _) => Ok(false),
        (Family::Mistral, _) => Ok(true),
        (_, Some(types)) => match types.get(layer).map(String::as_str) {
            Some("sliding_attention") => Ok(true),
            Some("full_attention") => Ok(false),
            Some(other) => {
                Err(ConfigError::unsupported("layer_types", other, "full_attention or sliding_attention"))
            }
            None => Err(ConfigError::invalid("layer_types", types.len(), format!("{n_layers} entries"))),
        },
        (Family::SmolLm3, None) => Ok(!rotary(layer)),
        (_, None) => Ok(layer >= raw.max_window_layers.unwrap_or(28)),
    };
    (0..n_layers)
        .map(|layer| {
            let slides = slides(layer)?;
            Ok(LayerConfig { sliding_window: window.filter(|_| slides), rotary: rotary(layer) })
        })
        .collect()
}

/// A token id field holds a number, a list of numbers, or null.
fn token_ids(field: &'static str, value: Option<&Value>) -> Result<Vec<u32>, ConfigError> {
    let invalid = |found: &Value| ConfigError::invalid(field, found, "a token id or a list of token ids");
    let id =
        |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| invalid(value));
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(ids)) => ids.iter().map(id).collect(),
        Some(value) => Ok(vec![id(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64 EXTRA}"#;

    fn parse(extra: &str) -> Result<LlamaConfig, ConfigError> {
        LlamaConfig::from_json(&LLAMA.replace("EXTRA", extra))
    }

    #[test]
    fn defaults_are_those_of_transformers() {
        let config = parse("").unwrap();
        assert_eq!((config.num_key_value_heads, config.head_dim), (4, 4));
        assert_eq!(config.rope, RopeConfig { theta: 10_000.0, scaling: RopeScaling::Default });
        assert!(!config.tie_word_embeddings && !config.qkv_bias && !config.qk_norm);
    }

    #[test]
    fn both_spellings_of_rope_are_read() {
        let old = parse(r#", "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}"#).unwrap();
        let new = parse(r#", "rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 2.0}"#)
            .unwrap();
        assert_eq!(old.rope, new.rope);
        assert_eq!(old.rope.scaling, RopeScaling::Linear { factor: 2.0 });
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (extra, field) in [
            (r#", "hidden_act": "gelu""#, "hidden_act"),
            (r#", "rope_scaling": {"rope_type": "longrope"}"#, "rope_scaling.rope_type"),
            (r#", "rope_scaling": {"rope_type": "linear"}"#, "rope_scaling.factor"),
            (r#", "partial_rotary_factor": 0.5"#, "partial_rotary_factor"),
            (r#", "quantization_config": {"quant_method": "awq"}"#, "quantization_config"),
            (r#", "num_key_value_heads": 3"#, "num_key_value_heads"),
            (r#", "eos_token_id": "two""#, "eos_token_id"),
        ] {
            let message = parse(extra).unwrap_err().to_string();
            assert!(message.contains(&format!("`{field}`")), "{message}");
        }
        let other = LLAMA.replace("EXTRA", "").replace("\"llama\"", "\"gpt2\"");
        let message = LlamaConfig::from_json(&other).unwrap_err().to_string();
        assert!(message.contains("`gpt2`") && message.contains("qwen3"), "{message}");
    }

    #[test]
    fn families_differ_where_transformers_says_so() {
        let family = |name: &str, extra: &str| {
            let text = LLAMA
                .replace("EXTRA", &format!(r#", "num_key_value_heads": 2, "head_dim": 8{extra}"#))
                .replace("\"llama\"", &format!("{name:?}"));
            LlamaConfig::from_json(&text).unwrap()
        };
        let windows =
            |config: &LlamaConfig| config.layers.iter().map(|l| l.sliding_window).collect::<Vec<_>>();

        let qwen2 = family("qwen2", r#", "sliding_window": 8, "use_sliding_window": false"#);
        assert!(qwen2.qkv_bias && !qwen2.o_bias);
        assert_eq!(windows(&qwen2), [None, None]);

        let qwen3 =
            family("qwen3", r#", "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 1"#);
        assert!(qwen3.qk_norm && !qwen3.qkv_bias);
        assert_eq!(windows(&qwen3), [None, Some(8)]);

        assert_eq!(windows(&family("mistral", r#", "sliding_window": 8"#)), [Some(8), Some(8)]);
        assert_eq!(windows(&family("mistral", r#", "sliding_window": null"#)), [None, None]);
        assert_eq!(windows(&family("mistral", "")), [Some(4096), Some(4096)]);
        assert_eq!(
            windows(&family("qwen2", r#", "use_sliding_window": true, "max_window_layers": 1"#)),
            [None, Some(4096)]
        );

        let smollm3 = family("smollm3", r#", "no_rope_layer_interval": 2"#);
        assert_eq!(smollm3.layers.iter().map(|l| l.rotary).collect::<Vec<_>>(), [true, false]);
        assert!(smollm3.tie_word_embeddings);
    }
}
