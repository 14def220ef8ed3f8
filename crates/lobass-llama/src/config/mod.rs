//! What a checkpoint computes: `config.json`, resolved and checked.
//!
//! Field names are those of Hugging Face's `config.json`. Everything that would change a loss is either understood
//! or refused by name; nothing is guessed.

mod error;
mod family;
mod layers;
mod raw;
mod rope;

use serde_json::Value;

use crate::checkpoint::{TensorSpec, expected_tensors};
pub use error::ConfigError;
pub use family::Family;
pub use layers::LayerConfig;
use layers::layers;
use raw::RawConfig;
pub use rope::{RopeConfig, RopeScaling};

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
