//! `str` and `repr`.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use super::number::{Number, float_text};
use super::{MAX_DEPTH, too_deep};

/// `str(value)`, of at most `limit` bytes; nothing for what is not defined, as Jinja prints it.
pub(in super::super) fn text(value: &Value, limit: usize) -> Result<String, Error> {
    match value.as_str().filter(|_| value.kind() != ValueKind::Bytes) {
        Some(text) => Ok(text.to_owned()),
        None if value.is_undefined() => Ok(String::new()),
        None => repr(value, limit),
    }
}

/// `repr(value)`, of at most `limit` bytes.
pub(in super::super) fn repr(value: &Value, limit: usize) -> Result<String, Error> {
    let mut printer = Printer { out: String::new(), limit };
    printer.value(value, 0)?;
    Ok(printer.out)
}

struct Printer {
    out: String,
    limit: usize,
}

impl Printer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if let (Some(bytes), ValueKind::Bytes) = (value.as_bytes(), value.kind()) {
            self.bytes(bytes);
        } else if let Some(text) = value.as_str() {
            self.quoted(text);
        } else {
            match value.kind() {
                ValueKind::Undefined => self.out.push_str("Undefined"),
                ValueKind::None => self.out.push_str("None"),
                ValueKind::Bool => self.out.push_str(if value.is_true() { "True" } else { "False" }),
                ValueKind::Number => self.out.push_str(&number_text(value)?),
                ValueKind::Seq => self.list(value, depth)?,
                ValueKind::Map => self.map(value, depth)?,
                _ => self.out.push_str(&value.to_string()),
            }
        }
        if self.out.len() <= self.limit { Ok(()) } else { Err(Error::from(ErrorKind::OutOfFuel)) }
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        let (open, close) = if value.is_tuple() { ('(', ')') } else { ('[', ']') };
        self.out.push(open);
        let mut n_items = 0;
        for item in value.try_iter()? {
            if n_items > 0 {
                self.out.push_str(", ");
            }
            self.value(&item, depth + 1)?;
            n_items += 1;
        }
        if n_items == 1 && value.is_tuple() {
            self.out.push(',');
        }
        self.out.push(close);
        Ok(())
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.out.push('{');
        for (at, key) in value.try_iter()?.enumerate() {
            if at > 0 {
                self.out.push_str(", ");
            }
            self.value(&key, depth + 1)?;
            self.out.push_str(": ");
            self.value(&value.get_item(&key)?, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
        self.out.push('b');
        self.out.push(quote);
        for &byte in bytes {
            match byte {
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                b' '..=b'~' if char::from(byte) != quote => self.out.push(char::from(byte)),
                b' '..=b'~' => self.out.extend(['\\', quote]),
                _ => self.out.push_str(&format!("\\x{byte:02x}")),
            }
        }
        self.out.push(quote);
    }

    fn quoted(&mut self, text: &str) {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        self.out.push(quote);
        for c in text.chars() {
            match c {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if c == quote => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c if is_printable(c) => self.out.push(c),
                c => self.out.push_str(&escaped(c)),
            }
        }
        self.out.push(quote);
    }
}

fn escaped(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Whether `str.isprintable` says yes. Rust's debug formatting escapes the same categories of Unicode behind the first
/// character of a text.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(1) == Some(c)
}

/// A number of any kind.
pub(super) fn number_text(value: &Value) -> Result<String, Error> {
    if let Some(number) = Number::of(value) {
        return Ok(number.text().to_owned());
    }
    Ok(if value.is_integer() { value.to_string() } else { float_text(f64::try_from(value.clone())?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        repr(&Value::from(text), 1000).unwrap()
    }

    #[test]
    fn text_is_quoted_as_python_quotes_it() {
        assert_eq!(of("a'b"), r#""a'b""#);
        assert_eq!(of("a'\"b"), r#"'a\'"b'"#);
        assert_eq!(of("é 東 🙂 e\u{301}"), "'é 東 🙂 e\u{301}'");
        assert_eq!(of("\n\t\\\u{7}\u{7f}\u{ad}\u{200f}\u{2028}"), r"'\n\t\\\x07\x7f\xad\u200f\u2028'");
        assert_eq!(of("\u{e0001}\u{a0}"), r"'\U000e0001\xa0'");
    }

    #[test]
    fn what_is_nested_too_deep_or_too_long_is_refused() {
        let mut nested = Value::from(1);
        for _ in 0..300 {
            nested = Value::from(vec![nested]);
        }
        assert!(repr(&nested, 10_000).is_err());
        assert!(repr(&Value::from(vec![1; 100]), 50).is_err());
    }
}
