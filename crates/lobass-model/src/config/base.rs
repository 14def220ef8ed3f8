//! The decoder that most families are a variation of: LLaMA's.

use super::ConfigError;
use super::fields::{Fields, Said};
use super::rope::{self, Around};
use super::sizes::{MAX_SIZE, size, size_or};
use super::tokens::token_ids;
use super::unread::says_something;
use crate::names::NameRules;
use crate::{
    Activation, AttentionSpec, Biases, DecoderSpec, EmbeddingScale, Gate, LayerSpec, LogitForm, MlpSpec,
    NormForm, NormSpec, Placement, RopeSpec,
};

/// More layers than any model has; listing the tensors of a file that asks for more would take for ever.
const MAX_LAYERS: usize = 10_000;

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
    /// The field of what norms add before they divide.
    pub(crate) eps_field: &'static str,
    /// Its default.
    pub(crate) eps: f64,
    /// The field of the activation, and its default.
    pub(crate) activation: (&'static str, Activation),
    /// `intermediate_size`; `None` if every config has it.
    pub(crate) intermediate: Option<usize>,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// Whether rotary settings for kinds of layers count; other classes ignore them.
    pub(crate) has_kinds: bool,
    /// Whether the family reads settings of single layers; others refuse them.
    pub(crate) has_layer_configs: bool,
    /// The part of a head that is turned; `None` for all of it, whatever a config says.
    pub(crate) partial: Option<f64>,
}

/// A LLaMA decoder of the sizes of a config: RMS norms before attention and MLP, grouped heads with a rotary embedding,
/// a gated MLP, no biases, no windows.
pub(crate) fn decoder(
    fields: Fields<'_>,
    model_type: &'static str,
    defaults: Defaults,
) -> Result<DecoderSpec, ConfigError> {
    decoder_with(fields, model_type, defaults, |around| Ok(vec![rope::read(fields, around)?]))
}

/// [`decoder`] with rotary embeddings that are read in another way. The first one is that of all layers.
pub(crate) fn decoder_with(
    fields: Fields<'_>,
    model_type: &'static str,
    defaults: Defaults,
    ropes: impl FnOnce(Around) -> Result<Vec<RopeSpec>, ConfigError>,
) -> Result<DecoderSpec, ConfigError> {
    refuse_unsupported(fields, defaults)?;
    let (name, default) = defaults.activation;
    let gate = Gate::Of(activation(fields, name, default)?);
    let hidden_size = size(fields, "hidden_size")?;
    let heads = size(fields, "num_attention_heads")?;
    let n_layers = size(fields, "num_hidden_layers")?;
    if n_layers > MAX_LAYERS {
        let expected = format!("at most {MAX_LAYERS}");
        return Err(ConfigError::invalid("num_hidden_layers", n_layers, expected));
    }
    let max_positions = positions(fields, defaults.positions)?;
    let head_width = head_width(fields, defaults, hidden_size / heads)?;
    let bos = token_ids("bos_token_id", fields)?;
    let eos_token_ids = token_ids("eos_token_id", fields)?;
    let ropes = ropes(around(defaults, max_positions, head_width))?;
    let vocab_size = size(fields, "vocab_size")?;
    let width = match defaults.intermediate {
        None => size(fields, "intermediate_size")?,
        Some(default) => size_or(fields, "intermediate_size", default)?,
    };
    let mlp = MlpSpec { width, gate, bias: false };
    let kv_heads = kv_heads(fields, defaults, heads)?;
    let initializer_range = fields.number("initializer_range")?.unwrap_or(0.02);
    let norm = NormSpec {
        form: NormForm::rms(fields.number(defaults.eps_field)?.unwrap_or(defaults.eps)),
        bias: false,
    };
    let tied = fields.flag("tie_word_embeddings")?.unwrap_or(defaults.tied);
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let scale = (head_width as f64).sqrt().recip() as f32;
    let attention = AttentionSpec {
        heads,
        kv_heads,
        head_width,
        scale,
        cap: None,
        window: None,
        rope: Some(0),
        query_rope: None,
        qk_norm: None,
        value_norm: None,
        keys_are_values: false,
        biases: Biases::default(),
        sinks: false,
        output_gate: false,
    };
    check_heads(&attention)?;
    if norm.form.eps < 0.0 {
        return Err(ConfigError::invalid(defaults.eps_field, norm.form.eps, "a number from 0 on"));
    }
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
                linear: None,
                placement: Placement::Before,
                residual_scale: 1.0,
                has_scalar: false,
            };
            n_layers
        ],
        final_norm: norm,
        embedding_scale: EmbeddingScale::NONE,
        logits: LogitForm::PLAIN,
        ropes,
        bos_token_id: bos.first().copied(),
        eos_token_ids,
        names: NameRules::default(),
    })
}

fn head_width(fields: Fields<'_>, defaults: Defaults, share: usize) -> Result<usize, ConfigError> {
    Ok(match fields.count("head_dim")? {
        Said::Value(width) => width,
        Said::Null => share,
        Said::LeftOut => defaults.head_dim.unwrap_or(share),
    })
}

fn kv_heads(fields: Fields<'_>, defaults: Defaults, heads: usize) -> Result<usize, ConfigError> {
    Ok(match fields.count("num_key_value_heads")? {
        Said::Value(heads) => heads,
        Said::Null => heads,
        Said::LeftOut => defaults.kv_heads.unwrap_or(heads),
    })
}

/// What rotary settings of most families depend on.
fn around(defaults: Defaults, max_positions: usize, head_width: usize) -> Around {
    let Defaults { theta, has_kinds, partial, .. } = defaults;
    Around {
        theta,
        max_positions,
        head_width,
        has_kinds,
        partial,
        aliases: &[],
        has_alpha: false,
        grows: false,
        has_proportional: false,
        original: None,
        also: &[],
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

/// Refuses heads that no model has.
pub(crate) fn check_heads(attention: &AttentionSpec) -> Result<(), ConfigError> {
    let AttentionSpec { heads, kv_heads, head_width, .. } = *attention;
    if kv_heads == 0 || heads % kv_heads != 0 {
        let expected = format!("a divisor of num_attention_heads, {heads}");
        return Err(ConfigError::invalid("num_key_value_heads", kv_heads, expected));
    }
    if head_width == 0 || head_width % 2 != 0 || head_width > MAX_SIZE / heads {
        let expected = "a positive even number, no wider for all heads than any model";
        return Err(ConfigError::invalid("head_dim", head_width, expected));
    }
    Ok(())
}

/// The function of an MLP, as `ACT2FN` of transformers 5.24 names it.
fn activation(fields: Fields<'_>, name: &str, default: Activation) -> Result<Activation, ConfigError> {
    match fields.text(name)? {
        Said::LeftOut => Ok(default),
        Said::Value("silu" | "swish") => Ok(Activation::Silu),
        Said::Value("gelu") => Ok(Activation::Gelu),
        Said::Value("gelu_pytorch_tanh" | "gelu_new" | "gelu_fast") => Ok(Activation::GeluTanh),
        Said::Value("relu2") => Ok(Activation::ReluSquared),
        Said::Null => Err(ConfigError::invalid(name, "null", "the name of an activation")),
        Said::Value(other) => {
            Err(ConfigError::unsupported(name, other, "silu, gelu, gelu_pytorch_tanh, or relu2"))
        }
    }
}

fn refuse_unsupported(fields: Fields<'_>, defaults: Defaults) -> Result<(), ConfigError> {
    // transformers masks nothing wherever this is there and not true.
    if let Some(value) = fields.value("is_causal").filter(|value| !says_something(value)) {
        let expected = "true, since lobass scores each token from the tokens before it";
        return Err(ConfigError::unsupported("is_causal", value, expected));
    }
    if !defaults.has_layer_configs && fields.value("per_layer_config").is_some_and(says_something) {
        let expected = "the same settings for all layers";
        return Err(ConfigError::unsupported("per_layer_config", "settings of single layers", expected));
    }
    Ok(())
}
