//! Values as trainers read them.

use serde_json::Value;

pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// A number without a fraction, as far as a float is exact.
pub(crate) fn whole(number: f64) -> Option<u64> {
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    exact.then_some(number as u64)
}

/// A rank is a whole number in a config of lobass, and so is what people write as one.
pub(crate) fn whole_if_possible(number: f64) -> Value {
    whole(number).map_or_else(|| Value::from(number), Value::from)
}

/// Yes or no. YAML of before 2009, which Python reads, has more words for both, and trainers accept text and 0 or 1 too.
pub(crate) fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "yes" | "on" | "true" | "y" | "t" | "1" => Some(true),
            "no" | "off" | "false" | "n" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value switches its key off: no, nothing, and numbers that are not above 0.
pub(crate) fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        value => switch(value) == Some(false) || number(value).is_some_and(|number| number <= 0.0),
    }
}

/// The texts of a list, or of one text with commas.
pub(crate) fn list(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => {
            Some(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
        }
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A value for a message.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(57).chain("...".chars()).collect()
}
