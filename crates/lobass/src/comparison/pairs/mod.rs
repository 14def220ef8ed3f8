//! Comparing shares and selections of preference pairs by what they teach.
//!
//! Every training is one unit, as in a comparison of strategies. Held-out pairs share no prompt with those that are
//! trained on.

mod data;
mod job;
mod opened;
mod record;
mod report;
mod rows;
mod run;
mod selections;
mod shared;
mod status;
mod subsets;
mod task;
mod wanted;

pub use data::HeldOutPairs;
pub use job::{PairArms, PairsJob};
pub use opened::PairsComparison;
