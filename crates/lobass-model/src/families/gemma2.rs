//! Gemma 2: norms on both sides, of which files store the weight minus one; caps; a window on every other layer.

use super::llama;
use crate::config::{Defaults, Fields, Said, decoder, types, windows_of};
use crate::{Activation, ConfigError, DecoderSpec, EmbeddingScale, Placement};

const DEFAULTS: Defaults = Defaults { positions: 8192, ..FAMILY };

/// What the classes of Gemma 2 and 3 have in common.
pub(super) const FAMILY: Defaults = Defaults {
    kv_heads: Some(4),
    head_dim: Some(256),
    activation: ("hidden_activation", Activation::GeluTanh),
    tied: true,
    has_kinds: true,
    ..llama::DEFAULTS
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let n_layers = spec.layers.len();
    let every_other = || (0..n_layers).map(|layer| layer % 2 == 0).collect();
    let slides = types(fields, n_layers)?.unwrap_or_else(every_other);
    complete(fields, &mut spec, &slides, Caps { scores: Some(50.0), logits: Some(30.0) })?;
    Ok(spec)
}

/// The caps of configs that leave them out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub(super) scores: Option<f64>,
    pub(super) logits: Option<f64>,
}

/// Makes a LLaMA decoder one of Gemma's.
pub(super) fn complete(
    fields: Fields<'_>,
    spec: &mut DecoderSpec,
    slides: &[bool],
    caps: Caps,
) -> Result<(), ConfigError> {
    // It has no effect beside `hidden_activation`.
    fields.knows(&["hidden_act"]);
    refuse_bidirectional(fields)?;
    let windows = windows_of(fields, slides, Some(4096))?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let scale = fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0).sqrt().recip();
    let cap = cap(fields, "attn_logit_softcapping", caps.scores)?;
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let (factor, scale) = ((spec.hidden_size as f64).sqrt() as f32, scale as f32);
    spec.embedding_scale = EmbeddingScale { factor, is_rounded: true };
    spec.logits.cap = self::cap(fields, "final_logit_softcapping", caps.logits)?;
    spec.final_norm.form.weight_offset = 1.0;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.norm.form.weight_offset = 1.0;
        layer.placement = Placement::Around;
        layer.attention.window = window;
        layer.attention.scale = scale;
        layer.attention.cap = cap;
        layer.attention.biases.inputs = bias;
        layer.attention.biases.output = bias;
    }
    Ok(())
}

/// A cap that null takes away.
pub(super) fn cap(fields: Fields<'_>, name: &str, default: Option<f64>) -> Result<Option<f32>, ConfigError> {
    let cap = match fields.positive_or_null(name)? {
        Said::LeftOut => default,
        Said::Null => None,
        Said::Value(cap) => Some(cap),
    };
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let cap = cap.map(|cap| cap as f32);
    Ok(cap)
}

fn refuse_bidirectional(fields: Fields<'_>) -> Result<(), ConfigError> {
    const NAME: &str = "use_bidirectional_attention";
    match fields.flag(NAME)? {
        Some(true) => {
            let expected = "false, since lobass scores each token from the tokens before it";
            Err(ConfigError::unsupported(NAME, true, expected))
        }
        _ => Ok(()),
    }
}
