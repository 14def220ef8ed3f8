//! Fields that name other files for the weights or the config.

use serde_json::Value;

use super::ConfigError;
use super::fields::Fields;

/// The version of transformers whose choice of a config is followed.
const VERSION: (u64, u64) = (5, 24);

/// Refuses a config of which transformers reads other files than lobass does.
///
/// Source: `get_configuration_file` of `configuration_utils.py`, and `_get_resolved_checkpoint_files` of
/// `modeling_utils.py` in transformers 5.24.
pub(crate) fn check_files(fields: Fields<'_>) -> Result<(), ConfigError> {
    const WEIGHTS: &str = "transformers_weights";
    const CONFIGS: &str = "configuration_files";
    let usual = ["model.safetensors", "model.safetensors.index.json"];
    if let Some(file) = fields.text(WEIGHTS)?.value().filter(|file| !usual.contains(file)) {
        let expected = "`model.safetensors`; give the file of the weights this name, and remove the field";
        return Err(ConfigError::unsupported(WEIGHTS, file, expected));
    }
    let configs = fields.list(CONFIGS)?.unwrap_or_default().iter().filter_map(Value::as_str);
    if let Some(file) = configs.into_iter().find(|file| is_read(file)) {
        let expected = "`config.json` alone; give the config that transformers reads this name";
        return Err(ConfigError::unsupported(CONFIGS, file, expected));
    }
    Ok(())
}

/// Whether transformers reads a file such as `config.4.0.0.json` in place of `config.json`.
fn is_read(file: &str) -> bool {
    let version = file.strip_prefix("config.").and_then(|rest| rest.strip_suffix(".json"));
    version.is_some_and(|version| {
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) <= VERSION
    })
}
