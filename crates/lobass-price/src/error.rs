//! Inputs that cannot be simulated.

use thiserror::Error;

/// Why a job cannot be simulated.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A number that means nothing.
    #[error("{what}: expected {expected}, found {found}")]
    Number {
        /// Which number.
        what: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The found value.
        found: f64,
    },
    /// Nodes fail before anything gets done.
    #[error(
        "after {n_failures} failures {n_done} of {n_units} units are done: expected units that are shorter than the life \
         of a node, found one of {longest} s and a mean life of {mtbf} s"
    )]
    Endless {
        /// Failures so far.
        n_failures: usize,
        /// Units that are done.
        n_done: usize,
        /// All units.
        n_units: usize,
        /// Seconds of the longest unit.
        longest: f64,
        /// Mean seconds between failures of a node.
        mtbf: f64,
    },
}
