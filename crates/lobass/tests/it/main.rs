//! The library as programs embed it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod examples;
mod leakage;
mod memory;
mod notes;
mod support;
mod together;
