//! Encoders from the tokenizer of a model whose weights are not read.

use std::path::Path;

use jiff::civil::DateTime;
use lobass_data::{Encoder, Pool};
use serde_json::Value;

use super::{ModelSize, open_encoder};
use crate::error::{Result, bail};
use crate::hub::find_tokenizer;
use crate::runtime::Runtime;
use crate::settings::EncodeSettings;

/// The tokenizer and the chat template of a model, and the time that the template is rendered with.
///
/// # Errors
/// If there is no tokenizer, or the settings do not fit it.
pub(crate) fn tokenizer_encoder(
    pool: &Pool,
    encode: &EncodeSettings,
    model: &Path,
    told: Option<String>,
    runtime: &Runtime,
) -> Result<(Encoder, DateTime)> {
    let dir = find_tokenizer(model, runtime)?.dir;
    if !dir.is_dir() {
        bail!(
            Model,
            "base model `{}`: expected a directory with a tokenizer, or `org/name` on the hub, found none",
            dir.display()
        );
    }
    open_encoder(pool, encode, &dir, size(&dir), told, runtime)
}

/// The longest sequence and the vocabulary of a model, if its config has them; those of its text model if it has several.
fn size(dir: &Path) -> ModelSize {
    let text = fs_err::read_to_string(dir.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    let number = |key: &str| {
        let found = config[key].as_u64().or(config["text_config"][key].as_u64());
        found.and_then(|number| usize::try_from(number).ok())
    };
    ModelSize { positions: number("max_position_embeddings"), vocabulary: number("vocab_size") }
}
