//! Ministral 3: beyond the context length of pretraining, queries grow with their position.

use serde_json::{Map, json};

use super::llama;
use crate::config::rope::{self, Around};
use crate::config::{Defaults, Fields, decoder_with, window};
use crate::{ConfigError, DecoderSpec, RopeSpec};

const DEFAULTS: Defaults =
    Defaults { positions: 262_144, kv_heads: Some(8), head_dim: Some(128), eps: 1e-5, ..llama::DEFAULTS };

pub(super) fn read(fields: Fields<'_>, name: &'static str) -> Result<DecoderSpec, ConfigError> {
    // Those of `Ministral3Config`.
    let default = json!({
        "type": "yarn", "rope_theta": 1e6, "factor": 16.0, "original_max_position_embeddings": 16_384,
        "beta_fast": 32.0, "beta_slow": 1.0, "mscale_all_dim": 1.0, "mscale": 1.0, "llama_4_scaling_beta": 0.1,
    });
    let default = default.as_object().map_or_else(Map::new, Clone::clone);
    let mut spec = decoder_with(fields, name, DEFAULTS, |around| {
        let around = Around { grows: true, also: &["max_position_embeddings"], ..around };
        let of_queries = rope::read_or(fields, around, &default)?;
        Ok(vec![RopeSpec { growth: None, ..of_queries.clone() }, of_queries])
    })?;
    let window = window(fields, None)?;
    for layer in &mut spec.layers {
        layer.attention.window = window;
        layer.attention.query_rope = Some(1);
    }
    Ok(spec)
}
