//! gpt-oss: experts with biases and a clamped gate, sinks, a window on every other layer, and YaRN.

use super::llama;
use crate::config::{Defaults, Fields, chosen_experts, decoder_with, experts, rope, types, windows_of};
use crate::names::{NameRules, Stack};
use crate::{
    Biases, ConfigError, DecoderSpec, ExpertsSpec, Gate, RopeScaling, RopeSpec, RouterScores, Routing,
};

const DEFAULTS: Defaults = Defaults {
    positions: 131_072,
    kv_heads: Some(8),
    head_dim: Some(64),
    theta: 150_000.0,
    eps: 1e-5,
    ..llama::DEFAULTS
};

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder_with(fields, name, DEFAULTS, |around| Ok(vec![rope(fields, around)?]))?;
    // What other programs read, which says the same.
    fields.knows(&["experts_per_token", "initial_context_length", "rope_theta"]);
    let n_layers = spec.layers.len();
    let every_other = || (0..n_layers).map(|layer| layer % 2 == 0).collect();
    let slides = types(fields, n_layers)?.unwrap_or_else(every_other);
    let windows = windows_of(fields, &slides, Some(128))?;
    let bias = fields.flag("attention_bias")?.unwrap_or(true);
    let gate = gate(fields)?;
    let count = experts(fields, &["num_local_experts", "num_experts"], 128)?;
    let chosen = chosen_experts(fields, count, 4)?;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.attention.window = window;
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.attention.sinks = true;
        layer.mlp.gate = gate;
        layer.mlp.bias = true;
        layer.experts = Some(ExpertsSpec {
            count,
            width: layer.mlp.width,
            routing: Routing { scores: RouterScores::Softmax, chosen, is_normalized: true, scale: 1.0 },
            router_bias: true,
            shared: None,
        });
    }
    spec.names = names();
    Ok(spec)
}

#[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
fn gate(fields: Fields<'_>) -> Result<Gate, ConfigError> {
    let slope = fields.positive("swiglu_alpha")?.unwrap_or(1.702) as f32;
    let limit = fields.positive("swiglu_limit")?.unwrap_or(7.0) as f32;
    Ok(Gate::Clamped { slope, limit })
}

/// The embedding of a config, or of its class where it has none.
fn rope(fields: Fields<'_>, around: rope::Around) -> Result<RopeSpec, ConfigError> {
    let says = |name: &str| fields.value(name).is_some_and(|value| !value.is_null());
    if says("rope_scaling") || says("rope_parameters") {
        return rope::read(fields, around);
    }
    let factor: f64 = 32.0;
    let theta = fields.positive("rope_theta")?.unwrap_or(around.theta);
    let scaling = RopeScaling::Yarn {
        factor,
        attention_factor: 0.1 * factor.ln() + 1.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        truncate: false,
        original_max_position_embeddings: 4096.0,
    };
    Ok(RopeSpec {
        theta,
        width: around.head_width,
        max_positions: around.max_positions,
        scaling,
        growth: None,
    })
}

fn names() -> NameRules {
    const MLP: &str = "model.layers.*.mlp";
    const SINKS: &str = "model.layers.*.self_attn.sinks";
    let part = |name: &str| format!("{MLP}.experts.*.{name}");
    let stack = Stack { interleaved: false, transposed: true, bare: true };
    NameRules::default()
        .bare(SINKS, SINKS)
        .renamed(&format!("{MLP}.router"), &format!("{MLP}.gate"))
        .stacked(
            &format!("{MLP}.experts.gate_up_proj"),
            &[&part("gate_proj"), &part("up_proj")],
            Stack { interleaved: true, ..stack },
        )
        .stacked(&format!("{MLP}.experts.down_proj"), &[&part("down_proj")], stack)
}
