//! Which part of your SFT data can your model learn from?

pub mod comparison;
pub mod device;
pub mod embedding;
mod error;
mod faults;
pub mod hub;
pub mod influence;
pub mod model;
pub mod outputs;
pub mod page;
pub mod place;
mod progress;
pub mod reference;
pub mod references;
pub mod run;
mod runtime;
pub mod scoring;
pub mod selection;
pub mod sequences;
pub mod settings;
pub mod shell;
pub mod table;

pub use error::{Error, Result};
pub use runtime::Runtime;
