//! LoBaSS and its honest baselines: pure functions from a table of losses to a selection.
//!
//! A [`Strategy`] gives every row a score, or none; [`select`] keeps the best of them within a budget; [`summarize`]
//! says what was kept and what the score goes with; [`stability`] and [`memorization`] say how much another seed, or a
//! reference that has seen its rows, would have changed. Nothing here reads a file or touches a tensor, and the only
//! randomness is the seed of the caller.
//!
//! Tables come as [`ScoreColumns`](lobass_core::ScoreColumns), so that a hundred million rows are a matter of seconds
//! and gigabytes: [`Strategy::columns`] says which columns a strategy reads, and everything here is linear in the rows,
//! except for rank correlations and the middle of a distribution.
//!
//! ```
//! use lobass_core::{Budget, ExampleKey, Nll, RowStatus, ScoreColumns, ScoreRecord};
//! use lobass_select::{Request, Strategy, select};
//!
//! let row = |row: u64, base: f64, reference: f64| ScoreRecord {
//!     row,
//!     key: ExampleKey::new(format!("row-{row}")),
//!     status: RowStatus::Ok,
//!     reason: None,
//!     source: "pool".to_owned(),
//!     n_tokens: 20,
//!     n_scored: 10,
//!     base: Some(Nll { sum: base, n_scored: 10 }),
//!     reference: Some(Nll { sum: reference, n_scored: 10 }),
//!     in_sample: None,
//!     fold: None,
//!     rejected: None,
//! };
//! // Known already, learnable, and noise that fine-tuning does not help with.
//! let pool = [row(0, 1.0, 0.9), row(1, 30.0, 6.0), row(2, 50.0, 45.0)];
//! let columns = ScoreColumns::of(&pool, 0);
//! let request = Request { budget: Budget::Rows(1), direction: None };
//! let selection = select(&columns, &Strategy::Lobass, &request)?;
//! assert_eq!(selection.selected[0].row, 1);
//! assert!((selection.selected[0].score.value() - 0.8).abs() < 1e-12);
//! # Ok::<(), lobass_select::SelectError>(())
//! ```

mod agreement;
mod best;
mod correlation;
pub mod diverse;
mod error;
mod lark;
mod matched;
mod memorization;
mod needs;
mod order;
mod parts;
mod rank;
mod scores;
mod sets;
mod shape;
mod strategy;
mod summary;
mod tokens;
mod trajectory;

pub use agreement::{Agreement, RankedAs, Stability, agreement, lobass_scores, stability};
pub use correlation::spearman;
pub use error::{Reasons, SelectError};
pub use lark::lark;
pub use memorization::{Memorization, memorization, memorization_columns};
pub use parts::StratumShare;
pub use rank::{Request, Shaped, select, select_sets, select_shaped};
pub use sets::{Sets, Variety};
pub use shape::{
    Exclusion, Groups, Guards, LeftOut, NamedShares, Quota, Shape, Shares, SharesError, Strata, Winner,
};
pub use strategy::{Band, Need, Ratings, Setting, Strategy, StrategyInfo};
pub use summary::{SourceShare, Summary, Ties, summarize};
pub use tokens::{
    SELECTIVE_SHARE, Scope, Threshold, TokenMask, TokenScore, selective_ifd, selective_ifd_threshold,
};
