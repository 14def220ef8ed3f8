//! Mixtral: experts in every layer.

use super::llama;
use crate::config::{Defaults, Fields, chosen_experts, decoder, experts, window};
use crate::names::NameRules;
use crate::{ConfigError, DecoderSpec, ExpertsSpec, RouterScores, Routing};

const DEFAULTS: Defaults =
    Defaults { positions: 131_072, kv_heads: Some(8), theta: 1e6, eps: 1e-5, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    let mut spec = decoder(fields, name, DEFAULTS)?;
    let window = window(fields, None)?;
    let count = experts(fields, &["num_local_experts", "num_experts"], 8)?;
    let chosen = chosen_experts(fields, count, 2)?;
    for layer in &mut spec.layers {
        layer.attention.window = window;
        layer.experts = Some(ExpertsSpec {
            count,
            width: layer.mlp.width,
            routing: Routing { scores: RouterScores::Softmax, chosen, is_normalized: true, scale: 1.0 },
            router_bias: false,
            shared: None,
        });
    }
    spec.names = names();
    Ok(spec)
}

fn names() -> NameRules {
    const STORED: &str = "model.layers.*.block_sparse_moe";
    const MODEL: &str = "model.layers.*.mlp";
    let parts = [("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj")];
    let rules = NameRules::default().renamed(&format!("{STORED}.gate"), &format!("{MODEL}.gate"));
    parts.into_iter().fold(rules, |rules, (stored, module)| {
        rules.renamed(&format!("{STORED}.experts.*.{stored}"), &format!("{MODEL}.experts.*.{module}"))
    })
}
