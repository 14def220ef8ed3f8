//! Time and cost of a scoring job on many devices, estimated before it runs.
//!
//! A job is the seconds of each of its units on a device of nominal speed. [`simulate`] runs it on a [`Cluster`] under
//! a [`Schedule`] and says in an [`Outcome`] when it ends, when it would end at best, and what failures threw away.
//! Nothing here reads a clock or a file, and the only randomness is the seed of the caller: it decides how fast each
//! device is and when nodes fail.
//!
//! ```
//! use lobass_price::{Cluster, Schedule, simulate};
//!
//! let units = [100.0; 80];
//! let cluster = Cluster { load_seconds: 10.0, ..Cluster::of(8) };
//! // Ten units for each device: the model is loaded once by a pool's workers, and once by each of an array's tasks.
//! let pool = simulate(&units, &cluster, Schedule::Pool, 0)?;
//! let array = simulate(&units, &cluster, Schedule::Array { tasks_per_device: 5 }, 0)?;
//! assert_eq!((pool.makespan, array.makespan, pool.ideal), (1010.0, 1050.0, 1000.0));
//! // Two dollars for an hour of a device.
//! assert!((pool.device_hours() * 2.0 - 4.49).abs() < 0.01);
//! # Ok::<(), lobass_price::Error>(())
//! ```

mod cluster;
mod draw;
mod error;
mod outcome;
mod run;
mod schedule;
mod simulate;

pub use cluster::{Cluster, Failures};
pub use error::Error;
pub use outcome::Outcome;
pub use schedule::Schedule;
pub use simulate::{expect, simulate};
