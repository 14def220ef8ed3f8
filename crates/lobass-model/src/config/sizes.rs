//! Sizes of parts of a model.

use super::ConfigError;
use super::fields::{Fields, Said};

/// Wider than any model, and so small that the sizes of all tensors can be added up.
pub(super) const MAX_SIZE: usize = 1 << 23;

/// A size that every config has.
pub(super) fn size(fields: Fields<'_>, name: &str) -> Result<usize, ConfigError> {
    let path = &fields.path(name);
    match fields.count(name)? {
        Said::LeftOut => Err(ConfigError::missing(path)),
        Said::Value(size) if (1..=MAX_SIZE).contains(&size) => Ok(size),
        Said::Value(size) => Err(ConfigError::invalid(path, size, format!("a number from 1 to {MAX_SIZE}"))),
        Said::Null => Err(ConfigError::invalid(path, "null", "a positive number")),
    }
}

/// A size that a config may leave out.
pub(crate) fn size_or(fields: Fields<'_>, name: &str, default: usize) -> Result<usize, ConfigError> {
    match fields.value(name) {
        None => Ok(default),
        Some(_) => size(fields, name),
    }
}
