//! `json.dumps`, with the arguments that the filter `tojson` takes in transformers.

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State};

use super::number::Number;
use super::text::number_text;
use super::{MAX_DEPTH, bytes_left, invalid, too_deep};

/// The filter `tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
///
/// # Errors
/// For arguments that `json.dumps` does not take, and values that are no JSON.
pub(in super::super) fn to_json(
    state: &State<'_, '_>,
    arguments: Rest<ValueOrKwargs>,
) -> Result<String, Error> {
    let mut arguments = arguments.into_values();
    let named: Kwargs = match arguments.pop_if(|last| last.is_kwargs()) {
        Some(named) => named.try_into()?,
        None => std::iter::empty::<(String, Value)>().collect(),
    };
    if arguments.len() > 5 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut arguments = arguments.into_iter();
    let value = arguments.next().ok_or_else(|| Error::from(ErrorKind::MissingArgument))?;
    let mut argument = |name: &str| -> Result<Option<Value>, Error> {
        let value = match arguments.next() {
            Some(value) => Some(value),
            None => named.get::<Option<Value>>(name)?,
        };
        Ok(value.filter(|value| !value.is_none()))
    };
    let is_set = |value: Option<Value>| value.is_some_and(|value| value.is_true());
    let ascii = is_set(argument("ensure_ascii")?);
    let indent = argument("indent")?.map(|indent| indentation(&indent)).transpose()?;
    let separators = argument("separators")?;
    let sort_keys = is_set(argument("sort_keys")?);
    named.assert_all_used()?;
    let (item, key) = match separators {
        Some(separators) => pair(&separators)?,
        None => (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()),
    };
    let mut writer =
        Writer { out: String::new(), limit: bytes_left(state), ascii, indent, item, key, sort_keys };
    writer.value(&value, 0)?;
    Ok(writer.out)
}

/// A number of spaces, or the text itself.
fn indentation(indent: &Value) -> Result<String, Error> {
    if let Some(text) = indent.as_str() {
        return Ok(text.to_owned());
    }
    let width = i64::try_from(indent.clone())
        .map_err(|_| invalid(format!("tojson: expected an indent in spaces or as text, found {indent}")))?;
    let width = usize::try_from(width).unwrap_or(0);
    if width > 1000 {
        return Err(invalid(format!("tojson: expected an indent of at most 1000 spaces, found {width}")));
    }
    Ok(" ".repeat(width))
}

fn pair(separators: &Value) -> Result<(String, String), Error> {
    let texts: Vec<Value> = separators.try_iter().map(Iterator::collect).unwrap_or_default();
    match texts.iter().map(Value::as_str).collect::<Vec<_>>()[..] {
        [Some(item), Some(key)] => Ok((item.to_owned(), key.to_owned())),
        _ => Err(invalid(format!("tojson: expected two texts as separators, found {separators}"))),
    }
}

struct Writer {
    out: String,
    limit: usize,
    ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if let Some(text) = value.as_str() {
            self.text(text);
        } else if value.is_number() || Number::of(value).is_some() {
            self.out.push_str(&json_number(value)?);
        } else {
            match value.kind() {
                ValueKind::None => self.out.push_str("null"),
                ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
                ValueKind::Seq | ValueKind::Iterable => self.list(value, depth)?,
                ValueKind::Map => self.map(value, depth)?,
                kind => return Err(invalid(format!("tojson: a value of type {kind} is no JSON"))),
            }
        }
        if self.out.len() <= self.limit { Ok(()) } else { Err(Error::from(ErrorKind::OutOfFuel)) }
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.out.push('[');
        let mut any = false;
        for item in value.try_iter()? {
            self.separate(any, depth + 1);
            self.value(&item, depth + 1)?;
            any = true;
        }
        self.close(any, depth, ']');
        Ok(())
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sort_keys {
            let first = keys.first().map(Value::kind);
            if keys.iter().any(|key| Some(key.kind()) != first) {
                return Err(invalid("tojson: keys of different types cannot be sorted"));
            }
            keys.sort();
        }
        self.out.push('{');
        for (at, key) in keys.iter().enumerate() {
            self.separate(at > 0, depth + 1);
            self.text(&key_text(key)?);
            self.out.push_str(&self.key);
            self.value(&value.get_item(key)?, depth + 1)?;
        }
        self.close(!keys.is_empty(), depth, '}');
        Ok(())
    }

    fn separate(&mut self, follows: bool, depth: usize) {
        if follows {
            self.out.push_str(&self.item);
        }
        self.new_line(depth);
    }

    fn close(&mut self, any: bool, depth: usize, bracket: char) {
        if any {
            self.new_line(depth);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            (0..depth).for_each(|_| self.out.push_str(indent));
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if c < ' ' || self.ascii && !(' '..='~').contains(&c) => self.code_units(c),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn code_units(&mut self, c: char) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            self.out.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

fn json_number(value: &Value) -> Result<String, Error> {
    let text = number_text(value)?;
    Ok(match text.as_str() {
        "nan" => "NaN".to_owned(),
        "inf" => "Infinity".to_owned(),
        "-inf" => "-Infinity".to_owned(),
        _ => text,
    })
}

/// A key, which JSON wants as text.
fn key_text(key: &Value) -> Result<String, Error> {
    Ok(match (key.as_str(), key.kind()) {
        (Some(text), _) => text.to_owned(),
        (None, ValueKind::None) => "null".to_owned(),
        (None, ValueKind::Bool) => if key.is_true() { "true" } else { "false" }.to_owned(),
        (None, ValueKind::Number) => json_number(key)?,
        (None, kind) => return Err(invalid(format!("tojson: a key of type {kind} is no JSON"))),
    })
}
