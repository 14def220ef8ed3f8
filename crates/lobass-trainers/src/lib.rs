//! Settings of other trainers as settings of lobass.
//!
//! ```
//! use lobass_trainers::{Trainer, parse};
//!
//! let reading = parse("base_model: org/name\nsequence_len: 2048\nadapter: qlora\ntrain_on_inputs: false\n")?;
//! assert_eq!(reading.trainer, Trainer::Axolotl);
//! assert_eq!(reading.settings()["sequences"]["max_length"], 2048);
//! assert_eq!(reading.settings()["train"]["method"], "lora");
//! assert!(reading.differing.iter().any(|difference| difference.key == "adapter"));
//! # Ok::<(), lobass_trainers::Error>(())
//! ```

mod axolotl;
mod common;
mod detect;
mod draft;
mod error;
mod llama_factory;
mod reading;
mod trl;

use std::path::Path;

pub use detect::Trainer;
pub use error::Error;
pub use reading::{Difference, LeftOut, Reading, Taken};
use serde_json::{Map, Value};

/// Reads a trainer's config from a file.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; the errors of [`parse`], with the file's name, otherwise.
pub fn read(path: &Path) -> Result<Reading, Error> {
    let text = fs_err::read_to_string(path)?;
    parse(&text).map_err(|error| Error::File { path: path.to_owned(), source: Box::new(error) })
}

/// Reads a trainer's config from YAML or JSON, and finds out by its keys whose it is.
///
/// # Errors
/// [`Error::Yaml`] for text that is not YAML, [`Error::NotAMap`] for YAML without keys, [`Error::UnknownTrainer`] for
/// keys that no trainer has, [`Error::NotATraining`] for a config of something else than fine-tuning on data.
pub fn parse(text: &str) -> Result<Reading, Error> {
    let values = values(text)?;
    match detect::trainer(&values)? {
        Trainer::Axolotl => axolotl::read(values),
        Trainer::LlamaFactory => llama_factory::read(values),
        Trainer::Trl => trl::read(values),
    }
}

/// JSON is YAML, but its own parser reads it faster and more exactly.
fn values(text: &str) -> Result<Map<String, Value>, Error> {
    if let Ok(Value::Object(values)) = serde_json::from_str(text) {
        return Ok(values);
    }
    let options = serde_saphyr::options! { duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins };
    match serde_saphyr::from_str_with_options::<Value>(text, options) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(other) => Err(Error::NotAMap { found: kind(&other) }),
        Err(error) => Err(Error::Yaml { reason: first_line(&error.to_string()) }),
    }
}

/// Parsers of YAML show a part of the file below their message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
