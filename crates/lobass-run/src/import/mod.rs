//! Score tables from the losses of another program.
//!
//! The rows of a pool are encoded as for scoring. Each loss is then found by the row's position or key and checked against
//! the row's tokens: their number, and their ids where the file has them.

mod entry;
mod fault;
mod json_lines;
mod logprobs;
mod parquet;
mod source;
mod table;

pub use source::{ImportedLosses, LossInput};
pub use table::ImportRequest;
