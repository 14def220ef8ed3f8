//! LoBaSS and its honest baselines: pure functions from a table of losses to a selection.
//!
//! A [`Strategy`] gives every row a score, or none. [`strategies`] has those that lobass brings; your own is a type
//! with that trait. [`select`] keeps the best rows within a budget. [`summarize`] describes what was kept, and how the
//! score correlates with length. [`stability`] and [`memorization`] measure how much another seed, or a reference that
//! has seen its rows, would have changed. Nothing here reads a file or touches a tensor, and the only randomness is the
//! seed of the caller.
//!
//! Tables come as [`ScoreColumns`](lobass_core::ScoreColumns), so a hundred million rows take seconds and gigabytes.
//! [`Strategy::needs`] names what a strategy needs, and [`Needs::columns`] the columns of the table to read for it.
//! What a table does not hold, such as ratings, comes in [`Inputs`]. Everything here is linear in the rows, except for
//! rank correlations and the middle of a distribution.
//!
//! ```
//! use lobass_core::{Budget, ScoreColumns, ScoreRecord};
//! use lobass_select::{Request, select, strategies::Lobass};
//!
//! // Ten scored tokens each: known already, learnable, and noise that fine-tuning does not help with.
//! let losses = [(1.0, 0.9), (30.0, 6.0), (50.0, 45.0)];
//! let rows = losses.iter().zip(0..).map(|(&(base, reference), row)| ScoreRecord::scored(row, 10, base, reference));
//! let columns = ScoreColumns::of(&rows.collect::<Vec<_>>(), 0);
//! let chosen = select(&columns, &Request::new(&Lobass, Budget::Rows(1)))?;
//! let best = &chosen.selection.selected[0];
//! assert_eq!(best.row, 1);
//! assert!((best.score.value() - 0.8).abs() < 1e-12);
//! # Ok::<(), lobass_select::SelectError>(())
//! ```

mod agreement;
mod best;
mod correlation;
pub mod diverse;
mod error;
mod hashes;
mod length_correlation;
mod memorization;
mod order;
mod select;
mod shape;
mod sieve;
pub mod strategies;
mod strategy;
mod summary;
mod tokens;

pub use agreement::{Agreement, RankedAs, Stability, agreement, lobass_scores, stability};
pub use correlation::spearman;
pub use error::{Reasons, SelectError};
pub use memorization::{Memorization, memorization, memorization_columns};
pub use select::{Chosen, Request, Sets, StratumShare, Variety, select};
pub use shape::{
    Exclusion, Groups, Guards, LeftOut, NamedShares, Quota, Responses, Shape, Shares, SharesError, Strata,
    Winner,
};
pub use sieve::Sieve;
pub use strategies::UnknownStrategy;
pub use strategy::{
    Border, Choice, Features, Inputs, KeyHashes, Merit, MiddleOf, Need, Needs, PaperClaim, Problem, Queries,
    Ratings, Rival, SampleGaps, Setting, Strategy, StrategyInfo, TokenLosses, Unread,
};
pub use summary::{SourceShare, Summary, Ties, summarize};
pub use tokens::{Scope, Threshold, TokenMask, TokenScore};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
