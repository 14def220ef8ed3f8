//! Granite 3: LLaMA with four scalars.

use super::llama;
use crate::config::Fields;
use crate::{ConfigError, DecoderSpec, EmbeddingScale, LogitForm};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = llama::read(fields, name)?;
    let scalar = |name: &str| -> Result<f64, ConfigError> { Ok(fields.number(name)?.unwrap_or(1.0)) };
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let [embedding, residual, attention, logits] = [
        scalar("embedding_multiplier")?,
        scalar("residual_multiplier")?,
        scalar("attention_multiplier")?,
        fields.positive("logits_scaling")?.unwrap_or(1.0).recip(),
    ]
    .map(|scalar| scalar as f32);
    spec.embedding_scale = EmbeddingScale { factor: embedding, is_rounded: false };
    spec.logits = LogitForm { scale: logits, cap: None };
    for layer in &mut spec.layers {
        layer.residual_scale = residual;
        layer.attention.scale = attention;
    }
    Ok(spec)
}
