//! Statistics over replicates: repetitions of a whole study on other rows, one number each.
//!
//! A replicate has its own pool, reference, selections, and trainings. So numbers of different replicates are independent,
//! which those of seeds on one pool are not.

mod agreement;
mod answers;
mod budgets;
mod holm;
mod page;
mod robustness;
mod sign_flip;
mod student;
mod study;
mod variants;

pub use agreement::Agreement;
pub use holm::holm;
pub use page::{StudyResults, study_page};
pub use sign_flip::{MAX_REPLICATES, sign_flip};
pub use student::t_interval;
pub use study::{Replicate, StudyClaim, study_claims};

#[cfg(test)]
mod tests;
