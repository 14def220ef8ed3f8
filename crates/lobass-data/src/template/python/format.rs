//! The operator `%`: formatting for texts, the remainder for numbers.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, State, Value};

use super::number::native;
use super::{bytes_left, invalid, text};

/// `left % right`.
pub(in super::super) fn percent(
    state: &mut State<'_, '_>,
    left: &Value,
    right: &Value,
) -> Result<Value, Error> {
    if left.as_str().is_none() {
        return remainder(left, right);
    }
    let limit = bytes_left(state);
    let mut arguments = vec![left.clone()];
    if let Some(values) = right.downcast_object_ref::<Tuple>() {
        for value in values.iter() {
            arguments.push(printable(value, limit)?);
        }
    } else if right.kind() == ValueKind::Map && left.as_str().is_some_and(|format| format.contains("%(")) {
        arguments.push(right.clone());
    } else {
        arguments.push(printable(right, limit)?);
    }
    state.apply_filter("format", &arguments)
}

/// The value as formatting with `str` prints it: lists and maps as text, everything else unchanged.
pub(super) fn printable(value: &Value, limit: usize) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::None => Ok(Value::from(text(value, limit)?)),
        _ => Ok(native(value)),
    }
}

/// `left % right` of numbers: what is left has the sign of the divisor.
pub(in super::super) fn remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    let failed = || invalid(format!("cannot calculate the remainder of {} by {}", left.kind(), right.kind()));
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        let rest = left.checked_rem(right).ok_or_else(failed)?;
        return Ok(Value::from(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }));
    }
    let (left, right) = (number(left).ok_or_else(failed)?, number(right).ok_or_else(failed)?);
    if right == 0.0 {
        return Err(invalid("modulo by zero"));
    }
    let rest = left % right;
    Ok(Value::from(if rest != 0.0 && (rest < 0.0) != (right < 0.0) { rest + right } else { rest }))
}

fn integer(value: &Value) -> Option<i128> {
    let counts = value.is_integer() || value.kind() == ValueKind::Bool;
    counts.then(|| {
        if value.kind() == ValueKind::Bool {
            Some(value.is_true().into())
        } else {
            i128::try_from(value.clone()).ok()
        }
    })?
}

fn number(value: &Value) -> Option<f64> {
    let value = native(value);
    match value.kind() {
        ValueKind::Number => f64::try_from(value).ok(),
        ValueKind::Bool => Some(if value.is_true() { 1.0 } else { 0.0 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_have_the_sign_of_the_divisor() {
        let of = |left: Value, right: Value| remainder(&left, &right).map(|rest| rest.to_string());
        assert_eq!(of(7.into(), 3.into()).unwrap(), "1");
        assert_eq!(of((-7).into(), 3.into()).unwrap(), "2");
        assert_eq!(of(7.into(), (-3).into()).unwrap(), "-2");
        assert_eq!(of((-7.5).into(), 2.into()).unwrap(), "0.5");
        assert!(of(7.into(), 0.into()).is_err());
        assert!(of(7.into(), "a".into()).is_err());
    }
}
