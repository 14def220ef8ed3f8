//! The definition of a strategy: its description, its needs, and its scores.

mod border;
mod choice;
mod definition;
mod info;
mod inputs;
mod need;
mod problem;
mod setting;

pub use border::Border;
pub use choice::{Choice, Features};
pub use definition::Strategy;
pub use info::{Merit, PaperClaim, Rival, StrategyInfo};
pub use inputs::{Inputs, KeyHashes, Queries, Ratings, TokenLosses};
pub use need::{Need, Needs};
pub use problem::{Problem, Unread};
pub use setting::Setting;
