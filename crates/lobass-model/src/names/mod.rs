//! Names and places of tensors in files, as a bijection with those of the model.
//!
//! A model has one tensor for each projection, by the names that most families use, and turns the halves of heads.
//! Families store this in other ways: under other names, several projections in one tensor, all experts in a stack,
//! rotary pairs as neighbors, all of it inside a wrapper. [`NameRules`] says how, a few lines for each family.
//! [`Layout`] applies the rules to all tensors of a model. Reading, checking, saving, digests, and adapters use it.
//!
//! Each row of a stored tensor is in exactly one [`Piece`]. So what is read and written again is the same file.

mod layout;
mod matching;
mod pattern;
mod piece;
mod rows;
mod rules;
mod tensor;
#[cfg(test)]
mod tests;
mod wrapping;

pub(crate) use layout::{Layout, StoredPart, StoredTensor};
pub(crate) use matching::{Matched, wrapper};
pub(crate) use piece::Piece;
pub(crate) use rows::RotaryHead;
pub(crate) use rules::{NameRules, Stack};
pub use tensor::TensorSpec;
pub(crate) use wrapping::Wrapping;
