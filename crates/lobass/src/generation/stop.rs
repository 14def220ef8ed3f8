//! The tokens that end a sample.

use std::collections::BTreeSet;
use std::path::Path;

use lobass_data::Encoder;
use lobass_model::DecoderSpec;
use serde_json::Value;

use crate::error::{Context as _, Result};

/// The template's end of a turn, the tokenizer's end of sequences, and those of `config.json` and
/// `generation_config.json`; ascending.
///
/// # Errors
/// If `generation_config.json` is there and is no JSON.
pub(crate) fn stop_ids(encoder: &Encoder, model: &Path, spec: &DecoderSpec) -> Result<Vec<u32>> {
    let mut ids: BTreeSet<u32> = encoder.end_ids().into_iter().collect();
    ids.extend(&spec.eos_token_ids);
    ids.extend(of_generation_config(model)?);
    Ok(ids.into_iter().filter(|&id| (id as usize) < spec.vocab_size).collect())
}

fn of_generation_config(model: &Path) -> Result<Vec<u32>> {
    let path = model.join("generation_config.json");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let config: Value = serde_json::from_slice(&fs_err::read(&path)?)
        .with_context(|| format!("`{}` is no JSON", path.display()))?;
    let number = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    Ok(match &config["eos_token_id"] {
        Value::Array(ids) => ids.iter().filter_map(number).collect(),
        one => number(one).into_iter().collect(),
    })
}
