//! Rows of several sequences: which there are, where they stand, and their rotary angles. Plain numbers, before anything
//! is computed.

mod frequencies;
mod packed;
mod rope;
mod rows;

pub use packed::Packed;
pub(crate) use rope::RopeTables;
#[cfg(test)]
pub(crate) use rows::tests;
pub(crate) use rows::{Part, Rows, Span, going_on, parts, whole};
