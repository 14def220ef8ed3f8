//! Errors of a config.

use std::fmt;

use thiserror::Error;

/// Why a `config.json` cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not the JSON object that a config is.
    #[error("not a model config")]
    Json(#[from] serde_json::Error),
    /// A field without which there is no model.
    #[error("expected field `{field}`, found none")]
    Missing {
        /// The field.
        field: String,
    },
    /// A value that cannot be.
    #[error("field `{field}`: expected {expected}, found {found}")]
    Invalid {
        /// The field.
        field: String,
        /// The expected value.
        expected: String,
        /// The found value.
        found: String,
    },
    /// A value that other tools understand and lobass does not.
    #[error("field `{field}`: `{found}` is not supported; expected {expected}")]
    Unsupported {
        /// The field.
        field: String,
        /// The found value.
        found: String,
        /// The values that lobass supports.
        expected: String,
    },
}

impl ConfigError {
    pub(crate) fn missing(field: &str) -> Self {
        Self::Missing { field: field.to_owned() }
    }

    pub(crate) fn unsupported(field: &str, found: impl fmt::Display, expected: &str) -> Self {
        Self::Unsupported { field: field.to_owned(), found: found.to_string(), expected: expected.to_owned() }
    }

    pub(crate) fn invalid(field: &str, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self::Invalid { field: field.to_owned(), found: found.to_string(), expected: expected.to_string() }
    }
}
