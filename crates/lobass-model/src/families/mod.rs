//! The model families: how each `config.json` becomes a [`DecoderSpec`].
//!
//! A family is a file here that reads the fields of its configs, and a line in the table of families. Defaults are those
//! of its configuration class in transformers 5.24.

mod cohere2;
mod ernie4_5;
mod exaone4;
mod gemma2;
mod gemma3_text;
mod gemma4_text;
mod glm4;
mod gpt_oss;
mod granite;
mod hunyuan_v1_dense;
mod internlm3;
mod llama;
mod ministral;
mod ministral3;
mod mistral;
mod mixtral;
mod olmo2;
mod olmo3;
mod phi3;
mod qwen2;
mod qwen2_moe;
mod qwen3;
mod qwen3_5_text;
mod qwen3_moe;
mod qwen3_next;
mod seed_oss;
mod smollm3;
mod wrapped;

use serde_json::{Map, Value};

use crate::config::{Fields, Notes, Quantization, check_files, note_unread};
use crate::{ConfigError, DecoderSpec, Finding};

/// Reads the configs of a family.
type Read = fn(Fields<'_>, &'static str) -> Result<DecoderSpec, ConfigError>;

/// The families by their `model_type`.
const FAMILIES: &[(&str, Read)] = &[
    ("cohere2", cohere2::read),
    ("ernie4_5", ernie4_5::read),
    ("exaone4", exaone4::read),
    ("gemma2", gemma2::read),
    ("gemma3_text", gemma3_text::read),
    ("gemma4_text", gemma4_text::read),
    ("glm4", glm4::read),
    ("gpt_oss", gpt_oss::read),
    ("granite", granite::read),
    ("hunyuan_v1_dense", hunyuan_v1_dense::read),
    ("internlm3", internlm3::read),
    ("llama", llama::read),
    ("ministral", ministral::read),
    ("ministral3", ministral3::read),
    ("mistral", mistral::read),
    ("mixtral", mixtral::read),
    ("olmo2", olmo2::read),
    ("olmo3", olmo3::read),
    ("phi3", phi3::read),
    ("qwen2", qwen2::read),
    ("qwen2_moe", qwen2_moe::read),
    ("qwen3", qwen3::read),
    ("qwen3_5_moe_text", qwen3_5_text::read_moe),
    ("qwen3_5_text", qwen3_5_text::read),
    ("qwen3_moe", qwen3_moe::read),
    ("qwen3_next", qwen3_next::read),
    ("seed_oss", seed_oss::read),
    ("smollm3", smollm3::read),
];

impl DecoderSpec {
    /// The families that are read, as `model_type` names them.
    pub fn model_types() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().map(|(name, _)| *name)
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field: one that is missing, impossible, or not supported.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        Ok(Self::with_findings(text)?.0)
    }

    /// [`DecoderSpec::from_json`] with findings about the file.
    ///
    /// # Errors
    /// The errors of [`DecoderSpec::from_json`].
    pub fn with_findings(text: &str) -> Result<(Self, Vec<Finding>), ConfigError> {
        let map: Map<String, Value> = serde_json::from_str(text)?;
        let notes = Notes::default();
        let fields = Fields::new(&map, &notes);
        let model_type = fields.text("model_type")?.value().ok_or(ConfigError::missing("model_type"))?;
        check_files(fields)?;
        Quantization::read(&map)?;
        let spec = match wrapped::inner(&map, model_type)? {
            None => read(fields, "model_type", family_of(&map, model_type))?,
            Some(inner) => read_inner(fields, &inner)?,
        };
        Ok((spec, notes.into_findings()))
    }
}

/// The family of a config that is not inside another one.
///
/// Source: `AutoConfig.from_pretrained` of transformers 5.24, which takes Mistral with kinds of layers for Ministral.
fn family_of<'a>(map: &Map<String, Value>, model_type: &'a str) -> &'a str {
    match model_type {
        "mistral" if map.contains_key("layer_types") => "ministral",
        _ => model_type,
    }
}

/// Reads the fields of a family that a field names.
fn read(fields: Fields<'_>, field: &str, model_type: &str) -> Result<DecoderSpec, ConfigError> {
    let (name, read) = of(field, model_type)?;
    let spec = read(fields, name)?;
    note_unread(fields);
    Ok(spec)
}

/// Reads the language model of a wrapper.
fn read_inner(config: Fields<'_>, inner: &wrapped::Inner) -> Result<DecoderSpec, ConfigError> {
    let fields = config.inside(inner.of, &inner.fields);
    inner.knows(fields);
    let mut spec = read(fields, "text_config.model_type", &inner.family)?;
    spec.tied = inner.is_tied(spec.tied);
    spec.names = inner.names(spec.names);
    Ok(spec)
}

fn of(field: &str, model_type: &str) -> Result<(&'static str, Read), ConfigError> {
    FAMILIES.iter().find(|(name, _)| *name == model_type).copied().ok_or_else(|| {
        let known: Vec<_> = DecoderSpec::model_types().collect();
        ConfigError::unsupported(field, model_type, &format!("one of {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests;
