//! Checks of data before training, without a model's weights.

mod data;
mod near_duplicates;
mod quality;

pub use data::CheckJob;
pub use near_duplicates::{NearDuplicates, NearDuplicatesJob};
pub use quality::{QualityJob, QualityReport};
