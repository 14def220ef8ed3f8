//! What fine-tuning taught, region by region.
//!
//! A region is some rows of a pool: a source, a value of a column, a range of lengths, a cluster. [`measure`] says how far
//! the loss of each region fell from the base to the references, with an interval over rows and references. So each
//! region was learned, unchanged, or made worse. [`compare`] puts two tables side by side. [`mod@format`] tells tokens of
//! format (JSON syntax, code fences, markdown, role markers) apart from tokens of content.
//!
//! ```
//! use lobass_core::Numbers;
//! use lobass_regions::{Beside, Losses, Settings, Verdict, measure};
//! use lobass_select::Strata;
//!
//! // Forty rows of ten tokens. Those of `sums` lost 3 to 6 nats each; those of `noise` lost or gained at random.
//! let drop = |row: u32| if row < 20 { 3.0 + f64::from(row % 4) } else { f64::from(row % 4) - 1.5 };
//! let drops = [(0..40).map(|row| Some(drop(row))).collect::<Numbers>()];
//! let hashes: Vec<u64> = (0..40).collect();
//! let losses = Losses { n_tokens: &[10; 40], drops: &drops, hashes: &hashes };
//! let sources = Strata::of_values((0..40).map(|row| if row < 20 { "sums" } else { "noise" }));
//!
//! let rows: Vec<u32> = (0..40).collect();
//! let found = measure(&losses, &sources, &rows, &Beside::default(), &Settings::default())?;
//! let verdicts: Vec<_> = found.regions.iter().map(|region| (region.name.as_str(), region.verdict)).collect();
//! assert_eq!(verdicts, [("noise", Verdict::Unchanged), ("sums", Verdict::Learned)]);
//! assert_eq!(found.regions[1].per_token.unwrap().value, 0.45);
//! # Ok::<(), lobass_regions::Error>(())
//! ```

mod alike;
mod drops;
mod error;
pub mod format;
mod joint;
mod losses;
mod measure;
mod paired;
mod region;
mod settings;
mod verdict;

pub use alike::Alike;
pub use error::Error;
pub use losses::Losses;
pub use measure::{Beside, measure};
pub use paired::{Change, Found, RowPair, Side, compare};
pub use region::{LossDrop, Part, Region, Regions, Shown};
pub use settings::Settings;
pub use verdict::Verdict;
