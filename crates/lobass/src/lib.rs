//! Which part of your SFT data can your model learn from?
//!
//! lobass scores each example of a fine-tuning pool by the share of its loss that a model sheds when it is fine-tuned on
//! the whole pool, and keeps the best examples (LoBaSS / DavIR, arXiv 2310.13008). This crate is all of it as a library.
//! The command line and the Python module are built on it.
//!
//! ```
//! use lobass::{Budget, Model, Runtime, ScoreOptions, TrainOptions};
//! use lobass::settings::TrainSettings;
//! use serde_json::json;
//!
//! # let dir = tempfile::tempdir()?;
//! # let shipped = lobass_demo::unpack(dir.path())?;
//! # let (base_dir, tuned_dir) = (shipped.base, dir.path().join("tuned"));
//! let rows = [
//!     json!({"instruction": "What is 2 + 2?", "output": "4"}),
//!     json!({"instruction": "What is 2 + 3?", "output": "5"}),
//! ];
//! let runtime = Runtime::default();
//! let base = Model::open(&base_dir, &runtime)?;
//! let recipe = TrainSettings { epochs: Some(3), ..TrainSettings::default() };
//! lobass::train(&rows, &base, &TrainOptions { train: recipe, ..TrainOptions::default() }, &tuned_dir, &runtime)?;
//! let tuned = base.tuned(&tuned_dir, &runtime)?; // a checkpoint or an adapter; checks that they are a pair
//! let scored = lobass::score(&rows, &base, Some(&tuned), &ScoreOptions::default(), &runtime)?;
//! let kept = lobass::select(&scored, "lobass", Budget::Fraction(0.5))?;
//! let best: Vec<_> = kept.rows().map(|row| &rows[row]).collect();
//! assert_eq!(best.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rows come from memory, as here, or from files in the usual formats of fine-tuning data ([`sequences::open_pool`]).
//! Each call takes a [`Runtime`]. It reports to the observer of the runtime, which can interrupt it. It reads neither the
//! environment nor global state, so calls with different settings can run at the same time.
//!
//! - [`score`] and [`select`] work in memory. [`train`] writes a checkpoint. [`run::run`] does everything in a directory
//!   and can be resumed.
//! - [`model`], [`sequences`], [`scoring`], [`table`], and [`selection`] are the steps of a run, on work directories.
//! - [`run::run`] trains references of several kinds by its settings: on the whole pool, cross-fitted, held out, or of
//!   several seeds. [`mod@reference`] is the record of a training.
//! - [`encoding`] writes the tokens of rows for another program, and [`import`] makes a score table of its losses.
//! - [`plan`] and [`worker`] divide scoring among many machines.
//! - [`comparison`] trains on the selections of strategies and measures the results on held-out examples.
//! - [`embedding`] computes vectors of rows, [`influence`] gradients of rows. [`page`] writes the report.
//! - [`generation`] draws samples, and pairs them with demonstrations.
//! - [`irft`] trains on such pairs, round by round (IRFT and SPIN).
//! - [`information`] measures how much prompts tell about responses.
//! - [`leakage`] tests whether a model has seen a benchmark. [`sources`] says which sources were still being learned.
//! - [`regions`] says what fine-tuning taught, region by region.
//! - [`inspect`] shows one row as a model reads it. [`checks`] finds faults of data. [`mask`] chooses tokens.

pub mod checks;
pub mod comparison;
pub mod device;
pub mod embedding;
pub mod encoding;
mod error;
mod faults;
pub mod federated;
pub mod generation;
mod hub;
pub mod import;
pub mod influence;
pub mod information;
pub mod inspect;
pub mod irft;
pub mod leakage;
pub mod machine;
pub mod mask;
mod memory;
pub mod merge;
mod missing;
pub mod model;
mod null;
pub mod outputs;
pub mod page;
pub mod place;
pub mod plan;
mod progress;
pub mod reference;
mod references;
pub mod regions;
mod rows;
pub mod run;
mod runtime;
mod score;
pub mod scoring;
mod select;
pub mod selection;
pub mod sequences;
pub mod settings;
mod shell;
pub mod sources;
mod strategies;
pub mod table;
mod table_input;
mod train;
mod trainings;
mod unused;
pub mod worker;

pub use error::{Error, Result, hint, inner};
pub use lobass_core::{Budget, Observer, ProgressUnit, ScoreRecord, Silent, StageProgress};
pub use lobass_data::Pool;
pub use missing::Missing;
pub use model::Model;
pub use rows::Rows;
pub use runtime::Runtime;
pub use score::{ScoreOptions, Scored, score};
pub use select::{Kept, select, select_and_report, select_by, select_with};
pub use strategies::{StrategyRecord, strategies};
pub use table_input::TableInput;
pub use train::{TrainOptions, TrainedReport, train, train_with_anchor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/embedding.md")]
struct EmbeddingGuide;
