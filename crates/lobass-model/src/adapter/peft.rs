//! `adapter_config.json` as PEFT writes it.

use regex::Regex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// `adapter_config.json`, as far as it decides what the adapter computes.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file, free of the others")]
pub(super) struct PeftConfig {
    pub(super) peft_type: Option<String>,
    pub(super) r: Option<usize>,
    pub(super) lora_alpha: Option<f64>,
    #[serde(default)]
    pub(super) use_rslora: bool,
    #[serde(default)]
    pub(super) use_dora: bool,
    #[serde(default)]
    pub(super) lora_bias: bool,
    pub(super) bias: Option<String>,
    pub(super) lora_dropout: Option<f64>,
    pub(super) target_modules: Option<Value>,
    pub(super) modules_to_save: Option<Vec<String>>,
    pub(super) rank_pattern: Option<Map<String, Value>>,
    pub(super) alpha_pattern: Option<Map<String, Value>>,
    pub(super) layers_to_transform: Option<Value>,
    pub(super) layers_pattern: Option<Value>,
    pub(super) exclude_modules: Option<Value>,
    pub(super) base_model_name_or_path: Option<String>,
    /// One matrix for embedding and head of a tied model.
    #[serde(default)]
    pub(super) ensure_weight_tying: bool,
    pub(super) init_lora_weights: Option<Value>,
    pub(super) layer_replication: Option<Value>,
    pub(super) trainable_token_indices: Option<Value>,
    pub(super) target_parameters: Option<Vec<String>>,
    /// Everything else that the file says.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Fields that say where an adapter is from or how it was made, and nothing of what it computes.
const HARMLESS: &[&str] = &[
    "auto_mapping",
    "corda_config",
    "eva_config",
    // For layers of GPT-2; PEFT takes it for false on those of these models.
    "fan_in_fan_out",
    "inference_mode",
    "loftq_config",
    "lora_ga_config",
    "megatron_config",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "task_type",
];

impl PeftConfig {
    /// Names what makes the adapter something that is not computed here.
    pub(super) fn unsupported(&self) -> Option<String> {
        let expected = |field: &str, expected: &str, found: &str| {
            Some(format!("`{field}`: expected {expected}, found {found}"))
        };
        match &self.peft_type {
            Some(kind) if kind == "LORA" => {}
            Some(kind) => return expected("peft_type", "LORA", kind),
            None => return expected("peft_type", "LORA", "nothing"),
        }
        for (field, set) in [("use_dora", self.use_dora), ("lora_bias", self.lora_bias)] {
            if set {
                return expected(field, "false", "true");
            }
        }
        if let Some(bias) = self.bias.as_deref().filter(|&bias| bias != "none") {
            return expected("bias", "none", bias);
        }
        for (field, value) in [
            ("layer_replication", &self.layer_replication),
            ("trainable_token_indices", &self.trainable_token_indices),
        ] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_null()) {
                return expected(field, "null", &value.to_string());
            }
        }
        if self.r == Some(0) {
            return expected("r", "at least 1", "0");
        }
        if let Some(parameters) = self.target_parameters.as_ref().filter(|list| !list.is_empty()) {
            let none = "none, since an update of all experts together is not computed here";
            return expected("target_parameters", none, &parameters.join(", "));
        }
        let says_something = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => true,
        };
        let mut others = self.others.iter().filter(|(field, _)| !HARMLESS.contains(&field.as_str()));
        if let Some((field, value)) = others.find(|(_, value)| says_something(value)) {
            return expected(
                field,
                "nothing, since what it changes is not computed here",
                &value.to_string(),
            );
        }
        // These change the base's own weights, which the adapter's files do not have.
        let init = self.init_lora_weights.as_ref().and_then(Value::as_str).unwrap_or_default();
        if ["pissa", "olora", "corda", "loftq", "lora_ga"]
            .iter()
            .any(|kind| init.to_lowercase().starts_with(kind))
        {
            return expected("init_lora_weights", "an initialization that leaves the base alone", init);
        }
        None
    }

    /// The value of a pattern for a path, if one fits: the first in the order of the file.
    ///
    /// Source: `get_pattern_key` of PEFT's `utils/other.py`; a pattern is the end of a path after a dot, or all of it.
    pub(super) fn of_pattern<T: DeserializeOwned>(
        patterns: Option<&Map<String, Value>>,
        path: &str,
    ) -> Result<Option<T>, String> {
        for (pattern, value) in patterns.into_iter().flatten() {
            let whole =
                Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$")).map_err(|error| error.to_string())?;
            if whole.is_match(path) {
                let value = serde_json::from_value(value.clone());
                return value.map(Some).map_err(|error| format!("pattern `{pattern}`: {error}"));
            }
        }
        Ok(None)
    }
}
