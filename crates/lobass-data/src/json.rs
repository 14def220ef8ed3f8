//! JSON as people write it: with the `NaN` of Python's `json`, and with integers of any size.
//!
//! [`Value`] has no place for either. A number that it cannot hold becomes an object with one key, [`NUMBER`], and the
//! digits as they stand in the file. Parquet and Arrow can have bytes that are no text in a text column. They become an
//! object with the key [`BYTES`]. Both compare, hash, and print as different values if they differ.

use std::borrow::Cow;

use serde_json::{Map, Value};

const NUMBER: &str = "$lobass::number";
const BYTES: &str = "$lobass::bytes";

/// A number that [`Value`] cannot hold, as Python spells it: `123456789012345678901234`, `NaN`, `-Infinity`.
pub(crate) fn number(spelled: &str) -> Value {
    tagged(NUMBER, spelled)
}

/// The spelling of a number that was made by [`number`].
pub(crate) fn spelled_number(value: &Value) -> Option<&str> {
    untagged(value, NUMBER)
}

/// The value, or null for `NaN` and infinities: as the value of a column they are metadata, such as a missing reward.
pub(crate) fn finite(value: Value) -> Value {
    match spelled_number(&value) {
        Some("NaN" | "Infinity" | "-Infinity") => Value::Null,
        _ => value,
    }
}

/// The value, with numbers of [`number`] as text, for readers that do not know them.
pub(crate) fn plain(value: Value) -> Value {
    match spelled_number(&value) {
        Some(spelled) => Value::from(spelled),
        None => value,
    }
}

/// Bytes that are no UTF-8: how many, and where they stop being it.
pub(crate) fn no_text(bytes: &[u8], valid_up_to: usize) -> Value {
    tagged(BYTES, &format!("{}:{valid_up_to}", bytes.len()))
}

fn tagged(tag: &str, text: &str) -> Value {
    Value::Object(Map::from_iter([(tag.to_owned(), Value::from(text))]))
}

fn untagged<'a>(value: &'a Value, tag: &str) -> Option<&'a str> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.get(tag)?.as_str()
}

/// The kind of a JSON value, for messages.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) if spelled_number(value).is_some() => "a number",
        Value::Object(_) if untagged(value, BYTES).is_some() => "bytes that are not UTF-8",
        Value::Object(_) => "an object",
    }
}

/// Parses one JSON value.
///
/// `NaN`, `Infinity`, numbers beyond what a double holds, and integers of more than 64 bits are what [`number`] makes.
///
/// # Errors
/// The error of the text as it is.
pub(crate) fn parse(text: &str) -> serde_json::Result<Value> {
    let plain = (!has_long_digits(text.as_bytes())).then(|| serde_json::from_str(text));
    if let Some(Ok(value)) = plain {
        return Ok(value);
    }
    match (held(text), plain) {
        (Cow::Borrowed(_), Some(plain)) => plain,
        (Cow::Borrowed(_), None) => serde_json::from_str(text),
        (Cow::Owned(held), _) => serde_json::from_str(&held).or_else(|_| serde_json::from_str(text)),
    }
}

/// Digits that a 64-bit integer always holds.
const SAFE_DIGITS: usize = 18;

/// Whether there are more digits in a row than an integer of 64 bits is sure to hold. Looks at every 19th byte first.
fn has_long_digits(text: &[u8]) -> bool {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    (SAFE_DIGITS..text.len()).step_by(SAFE_DIGITS + 1).any(|at| {
        let after = (at + 1..text.len()).take_while(|&at| is_digit(at)).take(SAFE_DIGITS).count();
        let before = (0..at).rev().take_while(|&at| is_digit(at)).take(SAFE_DIGITS).count();
        is_digit(at) && before + after >= SAFE_DIGITS
    })
}

/// The text with every number that [`Value`] cannot hold replaced by one that it can.
fn held(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut held = String::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' | b'N' | b'I' => {
                let end = end_of_word(bytes, at);
                if let Some(number) = replacement(&text[at..end]) {
                    held.push_str(&text[copied..at]);
                    held.push_str(&number);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    held.push_str(&text[copied..]);
    Cow::Owned(held)
}

/// The byte after a string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The byte after a number or a bare word that begins at `start`.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    start + 1 + bytes[start + 1..].iter().take_while(is_part).count()
}

/// The replacement of a number, if it needs one.
fn replacement(word: &str) -> Option<String> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let spelled = match word {
        "NaN" | "Infinity" | "-Infinity" => word,
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let is_held = word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok();
            let is_json = digits == "0" || !digits.is_empty() && !digits.starts_with('0');
            return (!is_held && is_json).then(|| number(word).to_string());
        }
        _ if digits.starts_with(|first: char| first.is_ascii_digit())
            && word.parse().is_ok_and(f64::is_infinite) =>
        {
            if word.starts_with('-') {
                "-Infinity"
            } else {
                "Infinity"
            }
        }
        _ => return None,
    };
    Some(number(spelled).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_keep_their_digits() {
        let text = r#"{"id": 123456789012345678901234, "n": -12345678901234567890, "u": 18446744073709551615,
            "text": "99999999999999999999 \" 99999999999999999999", "list": [99999999999999999999]}"#;
        let value = parse(text).unwrap();
        assert_eq!(spelled_number(&value["id"]), Some("123456789012345678901234"));
        assert_eq!(spelled_number(&value["n"]), Some("-12345678901234567890"));
        assert_eq!(value["u"], json!(u64::MAX));
        assert_eq!(value["text"], json!("99999999999999999999 \" 99999999999999999999"));
        assert_eq!(spelled_number(&value["list"][0]), Some("99999999999999999999"));
        assert_eq!(kind_of(&value["id"]), "a number");
        for at in 0..40 {
            let padded = format!("{{\"{}\": 123456789012345678901}}", "x".repeat(at));
            assert!(parse(&padded).unwrap().to_string().contains("\"123456789012345678901\""), "{padded}");
        }
    }

    #[test]
    fn floats_and_common_integers_are_as_ever() {
        for text in ["1.0", "1", "-0", "1e5", "0.1000000000000000055511151231257827", "9223372036854775807"] {
            assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_python_writes_beyond_json() {
        let row = parse(
            r#"{"reward": NaN, "worst": -Infinity, "big": 1e999, "args": {"x": NaN, "y": [Infinity, -1e999]}}"#,
        );
        let row = row.unwrap();
        for name in ["reward", "worst", "big"] {
            assert_eq!(finite(row[name].clone()), Value::Null);
        }
        assert_eq!(finite(json!(1.5)), json!(1.5));
        assert_eq!(plain(row["args"]["x"].clone()), json!("NaN"));
        assert_eq!(spelled_number(&row["args"]["x"]), Some("NaN"));
        assert_eq!(spelled_number(&row["args"]["y"][1]), Some("-Infinity"));
        assert_eq!(parse(r#"{"a": "NaN, Infinity"}"#).unwrap(), json!({"a": "NaN, Infinity"}));
    }

    #[test]
    fn damage_is_told_as_it_stands() {
        for text in ["{\"a\": NaN, \"b\": }", "{\"a\": Nan}", "{\"a\": 00123456789012345678901}", "NaN1"] {
            assert_eq!(
                parse(text).unwrap_err().to_string(),
                serde_json::from_str::<Value>(text).unwrap_err().to_string(),
                "{text}"
            );
        }
    }
}
