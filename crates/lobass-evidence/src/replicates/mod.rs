//! Statistics over replicates: repetitions of a whole study on other rows, one number each.
//!
//! A replicate has its own pool, reference, selections, and trainings. So numbers of different replicates are independent,
//! which those of seeds on one pool are not.

mod holm;
mod page;
mod sign_flip;
mod student;
mod study;

pub use holm::holm;
pub use page::study_tables;
pub use sign_flip::{MAX_REPLICATES, sign_flip};
pub use student::t_interval;
pub use study::{Replicate, StudyClaim, study_claims};

#[cfg(test)]
mod tests;
