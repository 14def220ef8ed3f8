//! Qwen3.5, the text models: as Qwen3-Next, with other names, and with or without experts.

use super::qwen2_moe::{ExpertDefaults, put_experts, with_stacks};
use super::qwen3_next::{self, mix, names, projection};
use crate::config::rope::{self, Around};
use crate::config::{Defaults, Fields, decoder_with, size_or};
use crate::{ConfigError, DecoderSpec, SharedExpertSpec};

const DEFAULTS: Defaults = Defaults { kv_heads: Some(4), ..qwen3_next::DEFAULTS };
/// The class has no MLP, and so no width of one.
const WITH_EXPERTS: Defaults = Defaults { intermediate: Some(1), ..qwen3_next::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    text(fields, name, DEFAULTS)
}

/// The models with experts in every layer.
pub(super) fn read_moe(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = text(fields, name, WITH_EXPERTS)?;
    let shared =
        SharedExpertSpec { width: size_or(fields, "shared_expert_intermediate_size", 512)?, is_gated: true };
    let defaults = ExpertDefaults { count: 256, chosen: 8, width: 512, is_normalized: true };
    put_experts(fields, &mut spec, &["num_experts"], defaults, Some(shared))?;
    spec.names = with_stacks(spec.names);
    Ok(spec)
}

fn text(fields: Fields<'_>, name: &'static str, defaults: Defaults) -> Result<DecoderSpec, ConfigError> {
    // On text all sections of `mrope` have the same positions, in whichever order they lie.
    let rope = |around| rope::read(fields, Around { also: &["mrope_interleaved"], ..around });
    let mut spec = decoder_with(fields, name, defaults, |around| Ok(vec![rope(around)?]))?;
    mix(fields, &mut spec)?;
    let [q, k, v] = ["q", "k", "v"].map(projection);
    spec.names = names(&spec).fused(&projection("qkv"), &[&q, &k, &v]);
    Ok(spec)
}
