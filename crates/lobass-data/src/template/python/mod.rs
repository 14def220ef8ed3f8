//! Python's text forms of values: numbers, `str` and `repr`, `json.dumps`, `%`, and the methods of strings.
//!
//! Chat templates are written for Jinja on Python, and the text that they produce is what a model was trained on. So
//! every rule here is Python's, also where Jinja in Rust has another one.

mod format;
mod json;
mod methods;
mod number;
mod space;
mod splitting;
mod text;

pub(super) use format::percent;
pub(super) use json::to_json;
pub(super) use methods::unknown_method;
pub(super) use number::{Number, float_value, native, spelled_number};
pub(super) use space::{is_space, trim};
pub(super) use text::text;

use minijinja::{Error, ErrorKind, State};

/// Deepest list in a list that is made or printed; deeper ones come from templates that mean harm.
pub(super) const MAX_DEPTH: usize = 200;
/// Bytes of printed values that one unit of the engine's fuel pays for, as in the engine's own `tojson`.
const BYTES_PER_FUEL: u64 = 4;

/// How many bytes the rendering may still make, by the fuel that is left.
pub(super) fn bytes_left(state: &State<'_, '_>) -> usize {
    let left = state.fuel_levels().map_or(u64::MAX, |(_, left)| left.saturating_mul(BYTES_PER_FUEL));
    usize::try_from(left).unwrap_or(usize::MAX)
}

/// An error if a text of `n_bytes` is more than the rendering may still make.
pub(super) fn check_size(state: &State<'_, '_>, n_bytes: usize) -> Result<(), Error> {
    if n_bytes < bytes_left(state) { Ok(()) } else { Err(Error::from(ErrorKind::OutOfFuel)) }
}

fn too_deep() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a value is nested too deep to be printed")
}

pub(super) fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.into())
}
