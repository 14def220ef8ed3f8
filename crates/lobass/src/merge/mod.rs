//! Merging: one adapter into its base, or several fine-tuned models into one.
//!
//! [`MergeModelsJob`] reads a few rows of each model at a time, so that it needs the memory of one tensor of the result,
//! whatever the size of the models. How values are combined is in [`lobass_merge`].

mod adapter;
mod alike;
mod inputs;
mod job;
mod record;
mod report;
mod staging;
mod tensors;

pub use adapter::{MergeJob, MergeReport};
pub use job::MergeModelsJob;
pub use record::{MergeOutcome, MergeRecord, MergedModel};
pub use report::MergeModelsReport;
