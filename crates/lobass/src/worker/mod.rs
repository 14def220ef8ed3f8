//! A worker: the units of a job, one after the other, on one device.
//!
//! A worker does one part of all units ([`Worker::run_part`]), or the units that requests name ([`Worker::serve`]).

mod part;
mod roster;
mod serve;
mod unit;

pub use part::{PartReport, open_ranks};
pub use roster::ModelPaths;
pub use serve::Served;
pub use unit::{AttemptState, Failure, Worker, WorkerOptions};
