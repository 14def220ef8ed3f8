//! Qwen3-Next: linear attention in most layers, attention behind a gate in the others, experts.

use serde_json::Value;

use super::llama;
use super::qwen2_moe::{ExpertDefaults, put_experts, with_stacks};
use crate::config::{Defaults, Fields, brief, decoder, size_or};
use crate::names::NameRules;
use crate::{
    Biases, ConfigError, DecoderSpec, LinearAttentionSpec, NormForm, NormSpec, QkNorm, SharedExpertSpec,
};

/// The defaults of `Qwen3NextConfig`.
pub(super) const DEFAULTS: Defaults = Defaults {
    positions: 32_768,
    kv_heads: Some(2),
    head_dim: Some(256),
    partial: Some(0.25),
    ..llama::DEFAULTS
};

const ATTENTION: &str = "model.layers.*.self_attn";
const LINEAR: &str = "model.layers.*.linear_attn";

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let linear = mix(fields, &mut spec)?;
    let shared =
        SharedExpertSpec { width: size_or(fields, "shared_expert_intermediate_size", 512)?, is_gated: true };
    let defaults = ExpertDefaults { count: 512, chosen: 10, width: 512, is_normalized: true };
    put_experts(fields, &mut spec, &["num_experts"], defaults, Some(shared))?;
    let [query, key, value, gate, beta, decay] = ["q", "k", "v", "z", "b", "a"].map(projection);
    spec.names = with_stacks(names(&spec))
        .grouped(&format!("{LINEAR}.in_proj_qkvz"), &[&query, &key, &value, &gate], linear.key_heads)
        .grouped(&format!("{LINEAR}.in_proj_ba"), &[&beta, &decay], linear.key_heads);
    Ok(spec)
}

/// Makes a LLaMA decoder one with linear attention, and with attention behind a gate; norms have `weight - 1` in files.
pub(super) fn mix(fields: Fields<'_>, spec: &mut DecoderSpec) -> Result<LinearAttentionSpec, ConfigError> {
    let linear = linear(fields, spec.final_norm)?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let is_linear = linear_layers(fields, spec.layers.len())?;
    spec.final_norm.form.weight_offset = 1.0;
    for (layer, is_linear) in spec.layers.iter_mut().zip(is_linear) {
        layer.norm.form.weight_offset = 1.0;
        layer.linear = is_linear.then_some(linear);
        layer.attention.qk_norm = Some(QkNorm { norm: layer.norm, per_head: true, after_rope: false });
        layer.attention.biases = Biases { inputs: bias, output: bias };
        layer.attention.output_gate = true;
    }
    Ok(linear)
}

fn linear(fields: Fields<'_>, norm: NormSpec) -> Result<LinearAttentionSpec, ConfigError> {
    let (key_heads, value_heads) =
        (size_or(fields, "linear_num_key_heads", 16)?, size_or(fields, "linear_num_value_heads", 32)?);
    if !value_heads.is_multiple_of(key_heads) {
        let expected = format!("a multiple of linear_num_key_heads, {key_heads}");
        return Err(ConfigError::invalid("linear_num_value_heads", value_heads, expected));
    }
    let conv_size = size_or(fields, "linear_conv_kernel_dim", 4)?;
    if conv_size > MAX_CONV {
        return Err(ConfigError::invalid("linear_conv_kernel_dim", conv_size, format!("at most {MAX_CONV}")));
    }
    Ok(LinearAttentionSpec {
        key_heads,
        value_heads,
        key_width: size_or(fields, "linear_key_head_dim", 128)?,
        value_width: size_or(fields, "linear_value_head_dim", 128)?,
        conv_size,
        norm: NormSpec { form: NormForm::rms(norm.form.eps), bias: false },
    })
}

/// A longer convolution than any model has.
const MAX_CONV: usize = 1024;

/// Which layers have linear attention: those that `layer_types` names, or all but each `full_attention_interval`th.
fn linear_layers(fields: Fields<'_>, n_layers: usize) -> Result<Vec<bool>, ConfigError> {
    const INTERVAL: &str = "full_attention_interval";
    let interval = fields.count(INTERVAL)?.value().unwrap_or(4);
    let Some(types) = fields.list("layer_types")? else {
        return match interval {
            0 => Err(ConfigError::invalid(INTERVAL, 0, "a positive number")),
            _ => Ok((1..=n_layers).map(|layer| !layer.is_multiple_of(interval)).collect()),
        };
    };
    if types.len() != n_layers {
        let (found, expected) =
            (format!("{} entries", types.len()), format!("{n_layers} entries, one for each layer"));
        return Err(ConfigError::invalid("layer_types", found, expected));
    }
    let is_linear = |value: &Value| match value.as_str() {
        Some("linear_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => Err(ConfigError::unsupported(
            "layer_types",
            value.as_str().map_or_else(|| brief(value), str::to_owned),
            "full_attention or linear_attention",
        )),
    };
    types.iter().map(is_linear).collect()
}

/// The names that all families with these layers have.
pub(super) fn names(spec: &DecoderSpec) -> NameRules {
    let heads = spec.layers[0].attention.heads;
    let of = |name: &str| format!("{LINEAR}.{name}");
    NameRules::default()
        .grouped(
            &format!("{ATTENTION}.q_proj"),
            &[&format!("{ATTENTION}.q_proj"), &format!("{ATTENTION}.query_gate")],
            heads,
        )
        .fused(&of("conv1d"), &[&of("conv_q"), &of("conv_k"), &of("conv_v")])
        .bare(&of("A_log"), &of("log_rates"))
        .bare(&of("dt_bias"), &of("rate_bias"))
        .carried(&["mtp."])
}

/// The path of a projection in linear attention.
pub(super) fn projection(name: &str) -> String {
    format!("{LINEAR}.in_proj_{name}")
}
