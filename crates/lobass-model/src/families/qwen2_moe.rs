//! Qwen1.5-MoE and Qwen2-MoE: experts, and one that works on every token behind a gate.

use super::qwen2;
use crate::config::{
    Defaults, Fields, Sliding, chosen_experts, decoder, experts, layers_with_experts, size_or, windows,
};
use crate::names::{NameRules, Stack};
use crate::{Biases, ConfigError, DecoderSpec, ExpertsSpec, RouterScores, Routing, SharedExpertSpec};

const DEFAULTS: Defaults = Defaults { kv_heads: Some(16), ..qwen2::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    slide(fields, &mut spec)?;
    let bias = fields.flag("qkv_bias")?.unwrap_or(true);
    for layer in &mut spec.layers {
        layer.attention.biases = Biases { inputs: bias, output: false };
    }
    let shared =
        SharedExpertSpec { width: size_or(fields, "shared_expert_intermediate_size", 5632)?, is_gated: true };
    let defaults = ExpertDefaults { count: 60, chosen: 4, width: 1408, is_normalized: false };
    put_experts(fields, &mut spec, &["num_experts"], defaults, Some(shared))?;
    spec.names = with_stacks(spec.names);
    Ok(spec)
}

/// transformers 5 has all experts of a layer in two tensors, and so do some files.
pub(super) fn with_stacks(names: NameRules) -> NameRules {
    const EXPERTS: &str = "model.layers.*.mlp.experts";
    let part = |name: &str| format!("{EXPERTS}.*.{name}");
    let stack = Stack { interleaved: false, transposed: false, bare: true };
    names
        .stacked_in_some(&format!("{EXPERTS}.gate_up_proj"), &[&part("gate_proj"), &part("up_proj")], stack)
        .stacked_in_some(&format!("{EXPERTS}.down_proj"), &[&part("down_proj")], stack)
}

/// Windows are in every other layer below `max_window_layers`, if `layer_types` says nothing else.
///
/// Source: `Qwen2MoeConfig.__post_init__` of transformers 5.24.
fn slide(fields: Fields<'_>, spec: &mut DecoderSpec) -> Result<(), ConfigError> {
    let end = fields.count("max_window_layers")?.value().unwrap_or(28);
    let sliding = Sliding { default: Some(4096), needs_switch: true };
    let is_sliding = |layer: usize| layer < end && layer.is_multiple_of(2);
    let windows = windows(fields, spec.layers.len(), sliding, is_sliding)?;
    for (layer, window) in spec.layers.iter_mut().zip(windows) {
        layer.attention.window = window;
    }
    Ok(())
}

/// What a class takes where a config leaves a field about experts out.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpertDefaults {
    pub(super) count: usize,
    pub(super) chosen: usize,
    pub(super) width: usize,
    pub(super) is_normalized: bool,
}

/// Gives layers the experts that a config of the Qwen families has.
pub(super) fn put_experts(
    fields: Fields<'_>,
    spec: &mut DecoderSpec,
    names: &[&'static str],
    defaults: ExpertDefaults,
    shared: Option<SharedExpertSpec>,
) -> Result<(), ConfigError> {
    let count = experts(fields, names, defaults.count)?;
    let chosen = chosen_experts(fields, count, defaults.chosen)?;
    let is_normalized = fields.flag("norm_topk_prob")?.unwrap_or(defaults.is_normalized);
    let experts = ExpertsSpec {
        count,
        width: size_or(fields, "moe_intermediate_size", defaults.width)?,
        routing: Routing { scores: RouterScores::Softmax, chosen, is_normalized, scale: 1.0 },
        router_bias: false,
        shared,
    };
    let has_experts = layers_with_experts(fields, spec.layers.len())?;
    for (layer, has_experts) in spec.layers.iter_mut().zip(has_experts) {
        layer.experts = has_experts.then(|| experts.clone());
    }
    Ok(())
}
