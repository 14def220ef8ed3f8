//! Comparing strategies by what their subsets teach.
//!
//! Every training is one unit. Its result is a file that is whole or absent, so an interrupted comparison continues
//! with the trials that are missing. A trial has an identity, made of everything that decides its result, such as its
//! rows and its held-out examples. A result with another identity is never used.

mod amounts;
mod answers;
mod baseline;
mod decided;
mod devices;
mod files;
mod held_out;
mod job;
mod opened;
mod pairs;
mod report;
mod results;
mod run;
mod subset;
mod training;
mod trial;
mod wrong;

pub use answers::AnswerSettings;
pub use baseline::Baseline;
pub use devices::Devices;
pub use held_out::HeldOutRequest;
pub use job::CompareJob;
pub use opened::Comparison;
pub use pairs::{HeldOutPairs, PairArms, PairsComparison, PairsJob};
