//! The definition of a strategy: its description, its needs, and its scores.

mod border;
mod choice;
mod definition;
mod info;
mod inputs;
mod middle;
mod need;
mod problem;
mod setting;

pub use border::Border;
pub use choice::{Choice, Features};
pub use definition::Strategy;
pub use info::{Merit, PaperClaim, Rival, StrategyInfo};
pub use inputs::{Inputs, KeyHashes, Queries, Ratings, SampleGaps, TokenLosses};
pub use middle::MiddleOf;
pub(crate) use middle::from_the_middle;
pub use need::{Need, Needs};
pub use problem::{Problem, Unread};
pub use setting::Setting;
