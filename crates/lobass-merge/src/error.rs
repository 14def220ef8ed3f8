//! What can be wrong with a recipe or its file.

/// An error of a recipe or of a file with one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A merge method that is not computed here.
    #[error("merge method `{found}`: expected linear, task_arithmetic, or parameter_selection")]
    Method {
        /// The name that was given.
        found: String,
    },
    /// A value that the method cannot be computed with.
    #[error("`{field}`: expected {expected}, found {found}")]
    Value {
        /// The name of the field.
        field: String,
        /// The values that it may have.
        expected: String,
        /// The value that it has.
        found: String,
    },
    /// A field of a file that lobass does not compute with.
    #[error("`{field}` is not supported: {reason}")]
    Unsupported {
        /// The name of the field.
        field: String,
        /// Why it is refused, or what to write instead.
        reason: String,
    },
    /// A file that is not a merge config.
    #[error("not a merge config: {reason}")]
    Yaml {
        /// The message of the parser.
        reason: String,
    },
}

impl Error {
    pub(crate) fn value(field: &str, expected: &str, found: impl std::fmt::Display) -> Self {
        Self::Value { field: field.to_owned(), expected: expected.to_owned(), found: found.to_string() }
    }
}
