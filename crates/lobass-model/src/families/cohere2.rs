//! Command R7B and Aya of Cohere: attention and MLP side by side after one layer norm; only layers with a window rotate,
//! and rotary pairs are neighbors in files.

use super::ernie4_5::turn_neighbors;
use super::gemma3_text::pattern;
use super::llama;
use crate::config::{Defaults, Fields, decoder, types, windows_of};
use crate::{Biases, ConfigError, DecoderSpec, LogitForm, NormKind, Placement};

const DEFAULTS: Defaults =
    Defaults { positions: 8192, eps_field: "layer_norm_eps", eps: 1e-5, tied: true, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let n_layers = spec.layers.len();
    fields.knows(&["sliding_window_pattern"]);
    let slides = match types(fields, n_layers)? {
        Some(slides) => slides,
        None => pattern(fields, n_layers, 4)?,
    };
    let windows = windows_of(fields, &slides, Some(4096))?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
    let scale = fields.number("logit_scale")?.unwrap_or(0.0625) as f32;
    spec.logits = LogitForm { scale, cap: None };
    spec.final_norm.form.kind = NormKind::Layer;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.placement = Placement::Beside;
        layer.norm.form.kind = NormKind::Layer;
        layer.attention.rope = window.map(|_| 0);
        layer.attention.window = window;
        layer.attention.biases = Biases { inputs: bias, output: bias };
    }
    turn_neighbors(&mut spec);
    Ok(spec)
}
