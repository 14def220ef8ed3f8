//! Rows of a table whose keys are to be read.

/// A row whose key is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) row: u64,
    /// Its position among the wanted.
    pub(super) at: usize,
}
