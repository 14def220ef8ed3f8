//! The model that a checkpoint describes: `config.json`, resolved and checked.
//!
//! Field names are those of Hugging Face's `config.json`. Everything that would change a loss is understood or refused
//! by name; other fields that are not known are [findings](crate::Finding).

mod error;
mod family;
mod fields;
mod layers;
mod rope;
mod unread;

use serde_json::{Map, Value};

use crate::Finding;
pub use error::ConfigError;
pub use family::Family;
use fields::{Fields, Said, brief};
pub use layers::LayerConfig;
use layers::layers;
pub use rope::{RopeConfig, RopeScaling};
use unread::unread;

/// A LLaMA-family architecture with every default filled in.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of `config.json`, free of the others")]
pub struct DecoderSpec {
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
    /// Standard deviation of freshly initialized weights.
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

/// More layers than any model has; listing the tensors of a file that asks for more would take for ever.
const MAX_LAYERS: usize = 10_000;
/// Wider than any model, and so small that the sizes of all tensors can be added up.
const MAX_SIZE: usize = 1 << 23;

impl DecoderSpec {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field: one that is missing, impossible, or not supported.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        Ok(Self::with_findings(text)?.0)
    }

    /// [`DecoderSpec::from_json`] with findings about the file.
    ///
    /// # Errors
    /// The errors of [`DecoderSpec::from_json`].
    pub fn with_findings(text: &str) -> Result<(Self, Vec<Finding>), ConfigError> {
        let map: Map<String, Value> = serde_json::from_str(text)?;
        let fields = Fields::new(&map);
        let model_type = fields.text("model_type")?.value().ok_or(ConfigError::missing("model_type"))?;
        let family = Family::from_model_type(model_type)?;
        refuse_unsupported(fields)?;

        let size = |name: &str| match fields.count(name)? {
            Said::LeftOut => Err(ConfigError::missing(name)),
            Said::Value(size) if (1..=MAX_SIZE).contains(&size) => Ok(size),
            Said::Value(size) => {
                Err(ConfigError::invalid(name, size, format!("a number from 1 to {MAX_SIZE}")))
            }
            Said::Null => Err(ConfigError::invalid(name, "null", "a positive number")),
        };
        let hidden_size = size("hidden_size")?;
        let num_attention_heads = size("num_attention_heads")?;
        let num_hidden_layers = size("num_hidden_layers")?;
        if num_hidden_layers > MAX_LAYERS {
            let expected = format!("at most {MAX_LAYERS}");
            return Err(ConfigError::invalid("num_hidden_layers", num_hidden_layers, expected));
        }
        let max_position_embeddings = match fields.count("max_position_embeddings")? {
            Said::LeftOut => family.default_positions(),
            Said::Value(tokens) if tokens > 0 => tokens,
            other => {
                let found = other.value().map_or_else(|| "null".to_owned(), |tokens| tokens.to_string());
                return Err(ConfigError::invalid("max_position_embeddings", found, "a positive number"));
            }
        };
        let head_dim = match fields.count("head_dim")? {
            Said::Value(width) => width,
            Said::LeftOut | Said::Null => family.default_head_dim(hidden_size, num_attention_heads),
        };
        let (bos, mut findings) = token_ids("bos_token_id", fields)?;
        let (eos_token_ids, odd) = token_ids("eos_token_id", fields)?;
        findings.extend(odd);
        let attention_bias = fields.flag("attention_bias")?.unwrap_or(false);
        let around = rope::Around { family, max_position_embeddings, head_dim };
        let (rope, odd) = rope::read(fields, around)?;
        findings.extend(odd);
        findings.extend(unread(family, fields));

        let config = Self {
            family,
            vocab_size: size("vocab_size")?,
            hidden_size,
            intermediate_size: size("intermediate_size")?,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: match fields.count("num_key_value_heads")? {
                Said::Value(heads) => heads,
                Said::Null => num_attention_heads,
                Said::LeftOut => family.default_kv_heads(num_attention_heads),
            },
            head_dim,
            max_position_embeddings,
            initializer_range: fields.number("initializer_range")?.unwrap_or(0.02),
            rms_norm_eps: fields.number("rms_norm_eps")?.unwrap_or(1e-6),
            tie_word_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(family.ties_by_default()),
            qkv_bias: family == Family::Qwen2 || attention_bias && family != Family::Mistral,
            o_bias: attention_bias && !matches!(family, Family::Mistral | Family::Qwen2),
            mlp_bias: matches!(family, Family::Llama | Family::SmolLm3)
                && fields.flag("mlp_bias")?.unwrap_or(false),
            qk_norm: family == Family::Qwen3,
            rope,
            layers: layers(family, fields, num_hidden_layers)?,
            bos_token_id: bos.first().copied(),
            eos_token_ids,
        };
        config.check()?;
        Ok((config, findings))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let Self { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, .. } = *self;
        if kv_heads == 0 || heads % kv_heads != 0 {
            let expected = format!("a divisor of num_attention_heads, {heads}");
            return Err(ConfigError::invalid("num_key_value_heads", kv_heads, expected));
        }
        if head_dim == 0 || head_dim % 2 != 0 || head_dim > MAX_SIZE / heads {
            let expected = "a positive even number, no wider for all heads than any model";
            return Err(ConfigError::invalid("head_dim", head_dim, expected));
        }
        if self.rms_norm_eps < 0.0 {
            return Err(ConfigError::invalid("rms_norm_eps", self.rms_norm_eps, "a number from 0 on"));
        }
        Ok(())
    }
}

fn refuse_unsupported(fields: Fields<'_>) -> Result<(), ConfigError> {
    match fields.text("hidden_act")? {
        Said::LeftOut | Said::Value("silu" | "swish") => {}
        Said::Null => return Err(ConfigError::invalid("hidden_act", "null", "silu")),
        Said::Value(other) => return Err(ConfigError::unsupported("hidden_act", other, "silu")),
    }
    // transformers masks nothing wherever this is there and not true.
    if let Some(value) = fields.value("is_causal").filter(|value| !unread::says_something(value)) {
        let expected = "true, since lobass scores each token from the tokens before it";
        return Err(ConfigError::unsupported("is_causal", value, expected));
    }
    if fields.value("per_layer_config").is_some_and(unread::says_something) {
        let expected = "the same settings for all layers";
        return Err(ConfigError::unsupported("per_layer_config", "settings of single layers", expected));
    }
    if let Some(quantization) = fields.object("quantization_config")? {
        let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("unnamed method");
        return Err(ConfigError::unsupported("quantization_config", method, "f32, f16, or bf16 weights"));
    }
    Ok(())
}

/// A token id field holds a number, a list of numbers, or null. A negative number names no token.
fn token_ids(name: &str, fields: Fields<'_>) -> Result<(Vec<u32>, Vec<Finding>), ConfigError> {
    let values = match fields.value(name) {
        None | Some(Value::Null) => return Ok((Vec::new(), Vec::new())),
        Some(Value::Array(ids)) => ids.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let (mut ids, mut findings) = (Vec::new(), Vec::new());
    for value in values {
        match value.as_i64().map(u32::try_from) {
            Some(Ok(id)) => ids.push(id),
            Some(Err(_)) => {
                findings.push(Finding::UnreadField { field: name.to_owned(), value: value.to_string() });
            }
            None => {
                let expected = "a token id or a list of token ids";
                return Err(ConfigError::invalid(name, brief(value), expected));
            }
        }
    }
    Ok((ids, findings))
}

#[cfg(test)]
mod tests;
