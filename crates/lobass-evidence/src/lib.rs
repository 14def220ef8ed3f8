//! Which selection teaches a model most: statistics of held-out outcomes, what they cost, and a page of what came out.
//!
//! A trial is one training of the base on the rows that a strategy chose, with one seed, and an [`Outcome`] for every
//! held-out example. Trials of a strategy make an [`Arm`]. [`measure`] turns arms into estimates by source and paired
//! differences, each with a bootstrap interval; see [`Bootstrap`] for what is resampled and what that means.
//!
//! ```
//! use lobass_evidence::{Arm, Bootstrap, Outcome, measure};
//!
//! // Two strategies, two seeds each, three held-out examples of one source.
//! let trial = |nll: [f64; 3]| nll.map(|nll| Outcome { nll, n_scored: 10, n_matched: 4, choice: None, answer: None }).to_vec();
//! let arm = |strategy: &str, trials: [[f64; 3]; 2]| Arm {
//!     strategy: strategy.to_owned(),
//!     matching: None,
//!     trials: trials.map(trial).to_vec(),
//! };
//! let arms = [arm("lobass", [[9.0, 18.0, 12.0], [8.0, 17.0, 13.0]]), arm("random", [[11.0, 21.0, 13.0], [10.0, 20.0, 15.0]])];
//! let bootstrap = Bootstrap { n_resamples: 500, level: 0.95, seed: 7 };
//! let found = measure(&arms, &["exam".to_owned()], &[0, 0, 0], &["random"], &bootstrap)?;
//! let difference = &found.differences[0];
//! assert_eq!((difference.strategy.as_str(), difference.baseline.as_str()), ("lobass", "random"));
//! // 13 nats less over two trials of 30 tokens each.
//! assert!((difference.loss.value + 13.0 / 60.0).abs() < 1e-12);
//! assert!(difference.loss.is_below_zero());
//! # Ok::<(), lobass_evidence::Error>(())
//! ```

mod bootstrap;
mod claims;
mod cost;
mod curve;
mod error;
mod markdown;
mod measure;
mod page;
pub mod pairs;
mod plot;
pub mod replicates;
mod report;

pub use bootstrap::{Bootstrap, Draws, Estimate, Ratio, quantile};
pub use claims::{Claim, Verdict, claims};
pub use cost::Cost;
pub use curve::{Curve, CurveLine};
pub use error::Error;
pub use measure::{ALL, Answered, Arm, FULL, Measured, Outcome, ZERO_SHOT, measure};
pub use page::{Study, page, tables};
pub use plot::{Mark, Plot};
pub use report::{
    ArmReport, Difference, FLOOR, HeldOutRecord, Matching, ModelRecord, PoolRecord, RecipeRecord, Report,
    SeedTotals, SourceCount, SourceResult, Totals,
};
