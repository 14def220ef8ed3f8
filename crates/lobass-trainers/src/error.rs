//! Why a config cannot be read.

use std::path::PathBuf;

use thiserror::Error;

/// Why a trainer's config gives no settings.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Its content is not what it should be.
    #[error("trainer config `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<Error>,
    },
    /// Neither YAML nor JSON.
    #[error("expected YAML or JSON, found text that is neither: {reason}")]
    Yaml {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// YAML without keys.
    #[error("expected a map of settings, found {found}")]
    NotAMap {
        /// The found kind.
        found: &'static str,
    },
    /// Keys that no trainer has.
    #[error(
        "expected `base_model` (axolotl), or `model_name_or_path` with keys of LLaMA-Factory or TRL, found `{}`",
        keys.join("`, `")
    )]
    UnknownTrainer {
        /// The first keys of the file.
        keys: Vec<String>,
    },
    /// A config of another job than fine-tuning.
    #[error("expected a config for fine-tuning on examples, found {found}")]
    NotATraining {
        /// The purpose of the found config.
        found: String,
    },
}
