//! Whether a model has seen the questions of a benchmark: statistics of orders of options, and of completions.
//!
//! A model that was trained on a benchmark gives its questions a higher probability with the options in the original
//! order than in other orders. If it was not, all orders are alike, as far as their options are. So each question is
//! a small permutation test, and many of them are a sharp one.
//!
//! ```
//! use lobass_leakage::{Paired, Placed, Tally};
//!
//! // Log-probabilities of the orders of two questions with three options; the original order is the first.
//! let base = [[-9.0, -8.0, -7.5, -8.5, -9.5, -8.2], [-7.0, -7.5, -8.0, -7.2, -9.0, -8.8]];
//! let tuned = [[-3.0, -8.0, -7.5, -8.5, -9.5, -8.2], [-2.0, -7.5, -8.0, -7.2, -9.0, -8.8]];
//! let base: Vec<_> = base.iter().map(|scores| Placed::of(scores)).collect();
//! let tuned: Vec<_> = tuned.iter().map(|scores| Placed::of(scores)).collect();
//! assert_eq!((base[0].rank, tuned[0].rank), (5.0, 1.0));
//! assert_eq!((Tally::of(&base).n_on_top, Tally::of(&tuned).n_on_top), (1, 2));
//! assert_eq!(Paired::of(&base, &tuned).n_gained, 1);
//! ```
//!
//! Source: *Training on the Benchmark Is Not All You Need* (arXiv 2409.01790) and its program. Intervals, the paired test,
//! ranks, and the exact outlier score are ours.

mod completion;
mod exact;
mod format;
mod order;
mod outlier;
mod placed;
mod question;
mod tally;
mod text;

pub use completion::starts;
pub use exact::{binomial_tail, mcnemar, normal_tail, wilson};
pub use format::{Format, FormatError};
pub use order::{MAX_ALL, orders};
pub use outlier::{THRESHOLDS, outlier};
pub use placed::Placed;
pub use question::{Question, QuestionFault};
pub use tally::{Paired, Tally};
pub use text::Texts;
