//! The library as programs embed it.

mod memory;
mod support;
mod together;
