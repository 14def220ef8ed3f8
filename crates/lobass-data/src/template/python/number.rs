//! Numbers: how Python writes floats, and numbers that Jinja in Rust cannot hold or writes otherwise.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{DynObject, Object, ObjectRepr};

/// `repr` of a float: the shortest digits that read back as the same number, with an exponent below 1e-4 and from
/// 1e16 on.
pub(in super::super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    // Debug formatting changes to an exponent where Python does, and writes `1e-5` for `1e-05`.
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) =
                exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

/// A number as Python writes it, where Jinja in Rust would write it otherwise or cannot hold it.
///
/// Printing, `~`, and JSON work as with any number. There is no arithmetic on it: a template that tries is refused.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Number {
    text: String,
    float: Option<f64>,
}

impl Number {
    /// The number in a value, if it is one of these.
    pub(in super::super) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Self>()
    }

    pub(in super::super) fn is_float(&self) -> bool {
        self.float.is_some()
    }

    pub(in super::super) fn text(&self) -> &str {
        &self.text
    }

    /// The key that orders integers of any size: the sign, then the digits, reversed below zero.
    fn order(&self) -> (bool, i64, Vec<u8>) {
        let positive = !self.text.starts_with('-');
        let length = i64::try_from(self.text.len()).unwrap_or(i64::MAX);
        let turn = |byte: u8| if positive { byte } else { u8::MAX - byte };
        (positive, if positive { length } else { -length }, self.text.bytes().map(turn).collect())
    }
}

/// A float for templates.
pub(in super::super) fn float_value(value: f64) -> Value {
    let text = float_text(value);
    let plain = Value::from(value);
    if plain.to_string() == text { plain } else { Value::from_object(Number { text, float: Some(value) }) }
}

/// A number from how Python spells it: an integer of any size, or one of the floats that are no JSON.
pub(in super::super) fn spelled_number(spelled: &str) -> Value {
    match spelled {
        "NaN" => float_value(f64::NAN),
        "Infinity" => float_value(f64::INFINITY),
        "-Infinity" => float_value(f64::NEG_INFINITY),
        digits => big_integer(digits),
    }
}

/// An integer of any size, from its decimal digits.
fn big_integer(digits: &str) -> Value {
    if let Ok(value) = digits.parse::<i128>() {
        return Value::from(value);
    }
    let digits = digits.trim_start_matches('+');
    Value::from_object(Number { text: digits.to_owned(), float: None })
}

/// The number as one that filters of Jinja in Rust take, other values as they are.
pub(in super::super) fn native(value: &Value) -> Value {
    Number::of(value).and_then(|number| number.float).map_or_else(|| value.clone(), Value::from)
}

impl Object for Number {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        match (self.float, other.float) {
            (Some(one), Some(other)) => one.partial_cmp(&other),
            _ => Some(self.order().cmp(&other.order())),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn integers_keep_their_digits() {
        for digits in ["123456789012345678901234567890", "-18446744073709551617", &"9".repeat(80)] {
            assert_eq!(big_integer(digits).to_string(), digits);
        }
        assert!(big_integer("18446744073709551617").is_number());
        assert_eq!(spelled_number("NaN").to_string(), "nan");
    }
}
