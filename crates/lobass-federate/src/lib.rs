//! Selecting and training across owners of data who keep their rows.
//!
//! # Selecting
//!
//! Each owner ranks its rows with scores that do not depend on other rows. [`find_border`] asks the owners how many of
//! their rows come before a place in the common ranking, and bisects for the place where a budget ends. Then each owner
//! keeps its rows before that place. Only counts leave an owner.
//!
//! ```
//! use lobass_core::{Budget, Direction, Score};
//! use lobass_federate::{Owner, Place, find_border};
//!
//! let owner = |scores: &[f64]| {
//!     let place = |(row, &score): (u64, &f64)| {
//!         (Place::of(Score::new(score).unwrap(), Direction::Descending, row), 10)
//!     };
//!     Owner::new(&(0..).zip(scores).map(place).collect::<Vec<_>>(), scores.len() as u64, 1)
//! };
//! let mut owners = [owner(&[0.9, 0.1, 0.5]), owner(&[0.7, 0.6]), owner(&[])];
//! let border = find_border(&mut owners, Budget::Rows(3))?;
//! let kept: Vec<Vec<usize>> = owners.iter_mut().zip(0..).map(|(owner, at)| owner.kept(&border, at)).collect();
//! assert_eq!(kept, [vec![0], vec![0, 1], vec![]], "0.9, 0.7, and 0.6");
//! # Ok::<(), std::convert::Infallible>(())
//! ```
//!
//! # Training
//!
//! [`Split`] deals the rows of a pool to clients. [`averaged`] is the server's part of federated averaging. [`Mask`] and
//! [`truncated`] are what SLoRA (arXiv 2308.06522) adds: a sparse first stage, and a start of LoRA from it.

mod average;
mod error;
mod low_rank;
mod mask;
mod message;
mod owner;
mod place;
mod products;
mod search;
mod split;
#[cfg(test)]
mod tests;

pub use average::averaged;
pub use error::Error;
pub use low_rank::{LowRank, truncated};
pub use mask::Mask;
pub use message::{Border, Count, Taken, Totals};
pub use owner::Owner;
pub use place::Place;
pub use products::{ClientFactors, factor_error, mean_product};
pub use search::{Party, find_border};
pub use split::Split;
