//! How deep values are that a template makes: what prints, compares, or drops a value goes as deep as the value does, and
//! visits all of it.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

use super::python::{MAX_DEPTH, invalid};

/// The filter that containers go through where a template makes them.
pub(super) const FILTER: &str = "bounded_of_lobass";
/// The filter that slices go through where a template keeps them: the engine's are views, and views of views of views take
/// longer and longer.
pub(super) const LIST: &str = "list_of_lobass";
/// Values that one unit of the engine's fuel pays for.
const VALUES_PER_FUEL: u64 = 4;

/// The value, if it is not too deep. Every value inside is paid for.
pub(super) fn bounded(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let mut n_values = 0;
    visit(state, &value, 0, &mut n_values)?;
    Ok(value)
}

/// The value; a list if it is a view of one, as a slice is in Python.
pub(super) fn list(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return bounded(state, value);
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    state.consume_fuel(items.len() as u64 / VALUES_PER_FUEL)?;
    Ok(Value::from(items))
}

fn visit(state: &State<'_, '_>, value: &Value, depth: usize, n_values: &mut u64) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(invalid(format!("a value is nested too deep: expected at most {MAX_DEPTH} levels")));
    }
    *n_values += 1;
    if n_values.is_multiple_of(VALUES_PER_FUEL) {
        state.consume_fuel(1)?;
    }
    match value.kind() {
        ValueKind::Map => {
            value.try_iter()?.try_for_each(|key| visit(state, &value.get_item(&key)?, depth + 1, n_values))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| visit(state, &item, depth + 1, n_values))
        }
        _ => Ok(()),
    }
}
