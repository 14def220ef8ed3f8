//! Merging of fine-tuned models, tensor by tensor, as pure functions.
//!
//! A [`Recipe`] says how models become one: as their weighted mean, by task arithmetic, or by choosing each parameter
//! from one of them (arXiv 2410.03743). A [`Merger`] applies it to pieces of tensors, given as slices of `f32`. A piece
//! may be of any size and may come at any time: the result does not depend on it. So a caller needs a few rows of each
//! model in memory, and not the models.
//!
//! ```
//! use lobass_core::Dtype;
//! use lobass_merge::{Merger, Method, Recipe, Tally};
//!
//! let recipe = Recipe { method: Method::Linear { normalize: true }, weights: vec![1.0, 3.0] };
//! let merger = Merger::new(recipe, Dtype::F32)?;
//! let (base, one, other) = ([0.0, 2.0], [4.0, 2.0], [8.0, 2.0]);
//! let mut tally = Tally::default();
//! let merged = merger.tensor("model.norm.weight").merge(0, Some(&base), &[&one, &other], &mut tally);
//! assert_eq!(merged, [7.0, 2.0]);
//! assert_eq!(tally.unmoved_share(1), Some(0.5));
//! # Ok::<(), lobass_merge::Error>(())
//! ```
//!
//! [`MergeFile`] reads configs of mergekit, as far as their words mean what is computed here.

mod draws;
mod error;
mod file;
mod merger;
mod recipe;
mod tally;

pub use error::Error;
pub use file::{MergeFile, MergeInput};
pub use merger::{Merger, TensorMerger};
pub use recipe::{Method, MethodName, Recipe};
pub use tally::{ModelTally, Tally};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
