//! Statistics over replicates: repetitions of a whole study on other rows, one number each.
//!
//! A replicate has its own pool, reference, selections, and trainings. So numbers of different replicates are independent,
//! which those of seeds on one pool are not.

mod holm;
mod sign_flip;
mod student;

pub use holm::holm;
pub use sign_flip::{MAX_REPLICATES, sign_flip};
pub use student::t_interval;
