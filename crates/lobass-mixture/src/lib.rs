//! Which sources of a pool are still being learned, and mixtures of sources that follow: adaptive data optimization.
//!
//! The loss of a source falls with the data as [`Law`] says. [`examine`] fits the law to the losses of a training, and
//! says how certain the fit is, or why a source has no law. A [`Policy`] turns the learning potentials of sources into shares, a
//! [`Pilot`] runs it over a training, and a [`Mixer`] draws the batches. Everything is a pure function of numbers.
//!
//! ```
//! use lobass_mixture::{ExamineOptions, Point, Status, examine};
//!
//! // A source whose loss falls from 3 nats towards 0.6 as it is trained on.
//! let point = |step: u32| {
//!     let n = 32.0 * f64::from(step);
//!     Point { n, loss: 0.6 + 4.0 * n.powf(-0.35), weight: 1.0 }
//! };
//! let points: Vec<Point> = (60..1200).map(point).collect();
//! let found = examine(&points, &ExamineOptions::default());
//! let law = found.law.unwrap();
//! assert_eq!(found.status, Status::Ok);
//! assert!((law.alpha - 0.35).abs() < 0.01 && (law.eps - 0.6).abs() < 0.01, "{law:?}");
//! ```
//!
//! Source: ADO (arXiv 2410.11820) and its official implementation. Ours are: counts in scored tokens, points weighted
//! by their tokens, a bound that no unit changes, timing by the length of the run, statuses, intervals, and caps on
//! passes.

mod bootstrap;
mod curve;
mod draw;
mod error;
mod examine;
mod fit;
#[cfg(test)]
mod fixture;
mod law;
mod mixer;
mod mixing;
mod pilot;
mod policy;
mod prior;
mod smooth;
mod source;
mod trend;

pub use bootstrap::{Interval, Intervals};
pub use curve::Point;
pub use draw::Drawn;
pub use error::Error;
pub use examine::{ExamineOptions, Examined, LEAST_POINTS, Status, examine};
pub use fit::fit;
pub use law::{LEAST_ALPHA, Law};
pub use mixer::{Length, Mixer, MixerState};
pub use mixing::{Mixing, MixingPolicy};
pub use pilot::{Pilot, Seen, Timing};
pub use policy::{Policy, least_preference};
pub use prior::Prior;
pub use smooth::{ORDER, WINDOW, savitzky_golay, window_for};
pub use source::Source;
