//! The methods of texts, lists, and maps that templates call.
//!
//! Methods that Python's sandbox forbids, such as `append`, are missing here too.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::format::printable;
use super::space::is_space;
use super::{bytes_left, check_size, invalid, splitting};

/// A method that Jinja in Rust has not.
pub(in super::super) fn unknown_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let found = match value.as_str() {
        Some(text) => string_method(state, text, method, arguments)?,
        None => container_method(value, method, arguments)?,
    };
    match found {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, arguments),
    }
}

fn container_method(value: &Value, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    match (value.kind(), method) {
        (ValueKind::Map | ValueKind::Seq, "copy") => {
            let () = from_args(arguments)?;
            Ok(Some(value.clone()))
        }
        (ValueKind::Seq, "index") => {
            let (item,): (&Value,) = from_args(arguments)?;
            let at = value.try_iter()?.position(|other| other == *item);
            Ok(Some(Value::from(at.ok_or_else(|| invalid(format!("{item} is not in the list")))?)))
        }
        _ => Ok(None),
    }
}

fn string_method(
    state: &State<'_, '_>,
    text: &str,
    method: &str,
    arguments: &[Value],
) -> Result<Option<Value>, Error> {
    let result = match method {
        "strip" => Value::from(stripped(text, arguments, true, true)?),
        "lstrip" => Value::from(stripped(text, arguments, true, false)?),
        "rstrip" => Value::from(stripped(text, arguments, false, true)?),
        "split" | "rsplit" => split(text, method, arguments)?,
        "splitlines" => {
            let (keep_ends, named): (Option<bool>, Kwargs) = from_args(arguments)?;
            let keep_ends =
                keep_ends.map_or_else(|| named.get::<Option<bool>>("keepends"), |keep| Ok(Some(keep)))?;
            named.assert_all_used()?;
            Value::from(splitting::lines(text, keep_ends.unwrap_or(false)))
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            let parts = splitting::partition(text, separator, method == "rpartition");
            let parts = parts.ok_or_else(|| invalid(format!("{method}: the separator is empty")))?;
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "find" | "rfind" | "index" | "rindex" => position(text, method, arguments)?,
        "count" => {
            let (part, start, end): (&str, Option<i64>, Option<i64>) = from_args(arguments)?;
            let within = slice(text, start, end).map_or("", |(_, within)| within);
            let empty = part.is_empty().then(|| within.chars().count() + 1);
            Value::from(empty.unwrap_or_else(|| within.matches(part).count()))
        }
        "startswith" | "endswith" => Value::from(begins_or_ends(text, method, arguments)?),
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "replace" => replaced(state, text, arguments)?,
        "join" => joined(state, text, arguments)?,
        "format" => {
            let limit = bytes_left(state);
            let arguments = arguments
                .iter()
                .map(|value| if value.is_kwargs() { Ok(value.clone()) } else { printable(value, limit) });
            let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
            check_widths(state, text)?;
            Value::from(minijinja::formatting::format(
                minijinja::formatting::FormatStyle::StrFormat,
                text,
                &arguments,
            )?)
        }
        "zfill" | "ljust" | "rjust" | "center" => padded(state, text, method, arguments)?,
        "title" => {
            let () = from_args(arguments)?;
            Value::from(titled(text))
        }
        "capitalize" => {
            let () = from_args(arguments)?;
            Value::from(capitalized(text))
        }
        "swapcase" => {
            let () = from_args(arguments)?;
            Value::from(text.chars().map(swapped).collect::<String>())
        }
        "encode" => {
            let (encoding,): (Option<&str>,) = from_args(arguments)?;
            match encoding.unwrap_or("utf-8").to_ascii_lowercase().as_str() {
                "utf-8" | "utf8" => Value::from_bytes(text.as_bytes().to_vec()),
                other => return Err(invalid(format!("encode: expected utf-8, found `{other}`"))),
            }
        }
        "isspace" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + &rest.as_str().to_lowercase()
}

/// A letter in the other case.
fn swapped(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() }
}

fn stripped(text: &str, arguments: &[Value], start: bool, end: bool) -> Result<String, Error> {
    let (characters,): (Option<&str>,) = from_args(arguments)?;
    let strips = |c: char| characters.map_or_else(|| is_space(c), |characters| characters.contains(c));
    let text = if start { text.trim_start_matches(strips) } else { text };
    Ok(if end { text.trim_end_matches(strips) } else { text }.to_owned())
}

fn split(text: &str, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (separator, most, named): (Option<&str>, Option<i64>, Kwargs) = from_args(arguments)?;
    let separator =
        separator.map_or_else(|| named.get::<Option<&str>>("sep"), |separator| Ok(Some(separator)))?;
    let most = most.map_or_else(|| named.get::<Option<i64>>("maxsplit"), |most| Ok(Some(most)))?;
    named.assert_all_used()?;
    let most = most.and_then(|most| usize::try_from(most).ok());
    let parts = match method {
        "split" => splitting::split(text, separator, most),
        _ => splitting::rsplit(text, separator, most),
    };
    Ok(Value::from(parts.ok_or_else(|| invalid(format!("{method}: the separator is empty")))?))
}

/// The part of a text from one character to another, as `text[start:end]`, and the number of characters before it.
/// `None` if it would begin behind the text.
fn slice(text: &str, start: Option<i64>, end: Option<i64>) -> Option<(usize, &str)> {
    if start.is_none() && end.is_none() {
        return Some((0, text));
    }
    let n_chars = text.chars().count();
    let place = |at: i64| {
        let from_start = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { n_chars.saturating_sub(from_start) } else { from_start }
    };
    let (start, end) = (start.map_or(0, place), end.map_or(n_chars, place).min(n_chars));
    if start > n_chars || start > end {
        return None;
    }
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    Some((start, &text[byte(start)..byte(end)]))
}

fn position(text: &str, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (part, start, end): (&str, Option<i64>, Option<i64>) = from_args(arguments)?;
    let found = slice(text, start, end).and_then(|(before, within)| {
        let byte = if method.starts_with('r') { within.rfind(part) } else { within.find(part) }?;
        Some(before + within[..byte].chars().count())
    });
    match found {
        Some(at) => Ok(Value::from(at)),
        None if method.ends_with("index") => Err(invalid(format!("{method}: the text does not occur"))),
        None => Ok(Value::from(-1)),
    }
}

fn begins_or_ends(text: &str, method: &str, arguments: &[Value]) -> Result<bool, Error> {
    let (parts, start, end): (&Value, Option<i64>, Option<i64>) = from_args(arguments)?;
    let Some((_, within)) = slice(text, start, end) else { return Ok(false) };
    let matches =
        |part: &str| if method == "startswith" { within.starts_with(part) } else { within.ends_with(part) };
    if let Some(part) = parts.as_str() {
        return Ok(matches(part));
    }
    if !parts.is_tuple() {
        return Err(invalid(format!(
            "{method}: expected a text or a tuple of texts, found a {}",
            parts.kind()
        )));
    }
    for part in parts.try_iter()? {
        let part = part.as_str().ok_or_else(|| invalid(format!("{method}: expected texts in the tuple")))?;
        if matches(part) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn replaced(state: &State<'_, '_>, text: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (old, new, most, named): (&str, &str, Option<i64>, Kwargs) = from_args(arguments)?;
    let most = most.map_or_else(|| named.get::<Option<i64>>("count"), |most| Ok(Some(most)))?;
    named.assert_all_used()?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let places = text.matches(old).take(most).count();
    check_size(state, text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::from(text.replacen(old, new, most)))
}

fn joined(state: &State<'_, '_>, text: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (items,): (&Value,) = from_args(arguments)?;
    let limit = bytes_left(state);
    let mut result = String::new();
    for (at, item) in items.try_iter()?.enumerate() {
        let item =
            item.as_str().ok_or_else(|| invalid(format!("join: expected texts, found a {}", item.kind())))?;
        if result.len().saturating_add(text.len()).saturating_add(item.len()) > limit {
            return Err(Error::from(ErrorKind::OutOfFuel));
        }
        if at > 0 {
            result.push_str(text);
        }
        result.push_str(item);
    }
    Ok(Value::from(result))
}

/// Refuses a format whose widths alone are more than the rendering may still make.
fn check_widths(state: &State<'_, '_>, format: &str) -> Result<(), Error> {
    let numbers = format.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let widths = numbers.map(|digits| digits.parse::<usize>().unwrap_or(usize::MAX));
    check_size(state, widths.fold(format.len(), usize::saturating_add))
}

fn padded(state: &State<'_, '_>, text: &str, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (width, fill): (i64, Option<&str>) = from_args(arguments)?;
    let n_missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.chars().count());
    check_size(state, n_missing.saturating_mul(4))?;
    let mut fill = fill.unwrap_or(" ").chars();
    let (Some(fill), None) = (fill.next(), fill.next()) else {
        return Err(invalid(format!("{method}: expected one character to fill with")));
    };
    let filled = |n: usize| String::from(fill).repeat(n);
    Ok(Value::from(match method {
        "ljust" => text.to_owned() + &filled(n_missing),
        "rjust" => filled(n_missing) + text,
        "center" => {
            // The odd one goes to the left where the width is odd too.
            let left = n_missing / 2 + (n_missing & usize::try_from(width).unwrap_or(0) & 1);
            filled(left) + text + &filled(n_missing - left)
        }
        _ => {
            let digits = text.trim_start_matches(['+', '-']);
            let sign = if text.len() > digits.len() { &text[..1] } else { "" };
            format!("{sign}{}{}", "0".repeat(n_missing), &text[sign.len()..])
        }
    }))
}

/// Upper case for letters that follow no letter, lower case for the others.
fn titled(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut after_letter = false;
    for c in text.chars() {
        if after_letter {
            result.extend(c.to_lowercase());
        } else {
            result.extend(c.to_uppercase());
        }
        after_letter = c.is_alphabetic();
    }
    result
}
