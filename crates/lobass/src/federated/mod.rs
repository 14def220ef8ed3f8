//! Selecting across owners of data who keep their rows.

mod alike;
mod outputs;
mod owners;
mod report;
mod select;
pub mod train;

pub use report::{FederatedSelection, OwnerReport};
pub use select::FederatedSelectJob;
