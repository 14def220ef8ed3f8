//! OLMo 2: norms after attention and MLP, and over whole queries and keys.

use super::llama;
use crate::config::{Defaults, Fields, decoder};
use crate::{Biases, ConfigError, DecoderSpec, Placement, QkNorm};

/// The defaults of `Olmo2Config`.
pub(super) const DEFAULTS: Defaults = Defaults { eps: 1e-5, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    complete(fields, &mut spec)?;
    Ok(spec)
}

/// Makes a LLaMA decoder one of OLMo's.
pub(super) fn complete(fields: Fields<'_>, spec: &mut DecoderSpec) -> Result<(), ConfigError> {
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    for layer in &mut spec.layers {
        layer.placement = Placement::After;
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: false, after_rope: false });
        layer.attention.biases = Biases { inputs: bias, output: bias };
    }
    Ok(())
}
