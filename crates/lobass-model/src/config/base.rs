//! The decoder that most families are a variation of: LLaMA's.

use super::fields::{Fields, Said};
use super::tokens::token_ids;
use super::unread::says_something;
use super::{ConfigError, rope};
use crate::names::NameRules;
use crate::{
    AttentionSpec, Biases, DecoderSpec, EmbeddingScale, LayerSpec, LogitForm, MlpSpec, NormSpec, Placement,
};

/// More layers than any model has; listing the tensors of a file that asks for more would take for ever.
const MAX_LAYERS: usize = 10_000;
/// Wider than any model, and so small that the sizes of all tensors can be added up.
pub(super) const MAX_SIZE: usize = 1 << 23;

/// What a family's class in transformers takes where a config leaves a field out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// `max_position_embeddings`.
    pub(crate) positions: usize,
    /// `num_key_value_heads`; `None` for as many as there are queries.
    pub(crate) kv_heads: Option<usize>,
    /// `head_dim`; `None` for the hidden width, divided among the heads.
    pub(crate) head_dim: Option<usize>,
    /// `rope_theta`.
    pub(crate) theta: f64,
    /// `rms_norm_eps`.
    pub(crate) eps: f64,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// Whether rotary settings for kinds of layers count; other classes ignore them.
    pub(crate) has_kinds: bool,
}

/// A LLaMA decoder of the sizes of a config: RMS norms before attention and MLP, grouped heads with a rotary embedding,
/// a gated MLP, no biases, no windows.
pub(crate) fn decoder(
    fields: Fields<'_>,
    model_type: &'static str,
    defaults: Defaults,
) -> Result<DecoderSpec, ConfigError> {
    refuse_unsupported(fields)?;
    let hidden_size = size(fields, "hidden_size")?;
    let heads = size(fields, "num_attention_heads")?;
    let n_layers = size(fields, "num_hidden_layers")?;
    if n_layers > MAX_LAYERS {
        let expected = format!("at most {MAX_LAYERS}");
        return Err(ConfigError::invalid("num_hidden_layers", n_layers, expected));
    }
    let max_positions = positions(fields, defaults.positions)?;
    let head_width = match fields.count("head_dim")? {
        Said::Value(width) => width,
        Said::LeftOut | Said::Null => defaults.head_dim.unwrap_or(hidden_size / heads),
    };
    let bos = token_ids("bos_token_id", fields)?;
    let eos_token_ids = token_ids("eos_token_id", fields)?;
    let Defaults { theta, has_kinds, .. } = defaults;
    let rope = rope::read(fields, rope::Around { theta, max_positions, head_width, has_kinds })?;
    let vocab_size = size(fields, "vocab_size")?;
    let mlp = MlpSpec { width: size(fields, "intermediate_size")?, bias: false };
    let kv_heads = match fields.count("num_key_value_heads")? {
        Said::Value(heads) => heads,
        Said::Null => heads,
        Said::LeftOut => defaults.kv_heads.unwrap_or(heads),
    };
    let initializer_range = fields.number("initializer_range")?.unwrap_or(0.02);
    let norm = NormSpec { eps: fields.number("rms_norm_eps")?.unwrap_or(defaults.eps) };
    let tied = fields.flag("tie_word_embeddings")?.unwrap_or(defaults.tied);
    let attention = AttentionSpec {
        heads,
        kv_heads,
        head_width,
        window: None,
        rope: Some(0),
        qk_norm: None,
        biases: Biases::default(),
    };
    check(&attention, norm)?;
    Ok(DecoderSpec {
        model_type,
        vocab_size,
        hidden_size,
        max_positions,
        initializer_range,
        tied,
        layers: vec![
            LayerSpec {
                attention,
                mlp,
                norm,
                experts: None,
                placement: Placement::Before,
                residual_scale: 1.0
            };
            n_layers
        ],
        final_norm: norm,
        embedding_scale: EmbeddingScale::NONE,
        logits: LogitForm::PLAIN,
        ropes: vec![rope],
        bos_token_id: bos.first().copied(),
        eos_token_ids,
        names: NameRules::default(),
    })
}

fn size(fields: Fields<'_>, name: &str) -> Result<usize, ConfigError> {
    let path = &fields.path(name);
    match fields.count(name)? {
        Said::LeftOut => Err(ConfigError::missing(path)),
        Said::Value(size) if (1..=MAX_SIZE).contains(&size) => Ok(size),
        Said::Value(size) => Err(ConfigError::invalid(path, size, format!("a number from 1 to {MAX_SIZE}"))),
        Said::Null => Err(ConfigError::invalid(path, "null", "a positive number")),
    }
}

fn positions(fields: Fields<'_>, default: usize) -> Result<usize, ConfigError> {
    match fields.count("max_position_embeddings")? {
        Said::LeftOut => Ok(default),
        Said::Value(tokens) if tokens > 0 => Ok(tokens),
        other => {
            let found = other.value().map_or_else(|| "null".to_owned(), |tokens| tokens.to_string());
            Err(ConfigError::invalid("max_position_embeddings", found, "a positive number"))
        }
    }
}

fn check(attention: &AttentionSpec, norm: NormSpec) -> Result<(), ConfigError> {
    let AttentionSpec { heads, kv_heads, head_width, .. } = *attention;
    if kv_heads == 0 || heads % kv_heads != 0 {
        let expected = format!("a divisor of num_attention_heads, {heads}");
        return Err(ConfigError::invalid("num_key_value_heads", kv_heads, expected));
    }
    if head_width == 0 || head_width % 2 != 0 || head_width > MAX_SIZE / heads {
        let expected = "a positive even number, no wider for all heads than any model";
        return Err(ConfigError::invalid("head_dim", head_width, expected));
    }
    if norm.eps < 0.0 {
        return Err(ConfigError::invalid("rms_norm_eps", norm.eps, "a number from 0 on"));
    }
    Ok(())
}

fn refuse_unsupported(fields: Fields<'_>) -> Result<(), ConfigError> {
    match fields.text("hidden_act")? {
        Said::LeftOut | Said::Value("silu" | "swish") => {}
        Said::Null => return Err(ConfigError::invalid("hidden_act", "null", "silu")),
        Said::Value(other) => return Err(ConfigError::unsupported("hidden_act", other, "silu")),
    }
    // transformers masks nothing wherever this is there and not true.
    if let Some(value) = fields.value("is_causal").filter(|value| !says_something(value)) {
        let expected = "true, since lobass scores each token from the tokens before it";
        return Err(ConfigError::unsupported("is_causal", value, expected));
    }
    if fields.value("per_layer_config").is_some_and(says_something) {
        let expected = "the same settings for all layers";
        return Err(ConfigError::unsupported("per_layer_config", "settings of single layers", expected));
    }
    Ok(())
}
