//! Filters and tests whose results differ between Jinja on Python and Jinja in Rust.

use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State};

use super::python::{self, Number, native};

/// The replacement of `%` before a template is parsed, since the engine has it for numbers only.
pub(super) const PERCENT: &str = "percent_of_python";

/// The filter on what loops run over, since the engine does not know the length of a text.
pub(super) const ITEMS: &str = "items_of_python";

/// Replaces them.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("tojson", python::to_json);
    environment.add_filter("string", string);
    environment.add_filter("join", join);
    environment.add_filter("trim", trim);
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", word_count);
    environment.add_filter("center", center);
    environment.add_filter("urlencode", url_encode);
    environment.add_filter("xmlattr", xml_attributes);
    environment.add_filter(PERCENT, python::percent);
    environment.add_filter(ITEMS, |value: Value| match value.as_str() {
        Some(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        None => value,
    });
    add_number_filters(environment);
    add_tests(environment);
}

/// Filters of Jinja in Rust, on numbers that only Python writes as they are too.
fn add_number_filters(environment: &mut Environment<'static>) {
    type Default = Option<Value>;
    environment.add_filter(
        "int",
        |state: &State<'_, '_>, value: &Value, default: Default, base: Option<u32>, named: Kwargs| {
            minijinja::filters::int(state, &native(value), default, base, named)
        },
    );
    environment.add_filter(
        "float",
        |state: &State<'_, '_>, value: &Value, default: Default, named: Kwargs| {
            minijinja::filters::float(state, &native(value), default, named)
        },
    );
    environment.add_filter(
        "round",
        |value: &Value, places: Option<i32>, method: Option<&str>, named: Kwargs| {
            minijinja::filters::round(native(value), places, method, named)
        },
    );
    environment.add_filter("abs", |value: &Value| minijinja::filters::abs(native(value)));
}

fn add_tests(environment: &mut Environment<'static>) {
    // In Python, `None` is not iterable; templates ask before they count `tools`.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    // What has a length and can be indexed, which is a text and a map too.
    environment.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined)
    });
    let is_number = |value: &Value| value.is_number() || Number::of(value).is_some();
    environment.add_test("number", move |value: &Value| is_number(value) || value.kind() == ValueKind::Bool);
    environment.add_test("integer", |value: &Value| {
        Number::of(value).map_or_else(|| value.is_integer(), |number| !number.is_float())
    });
    environment.add_test("float", move |value: &Value| {
        Number::of(value).map_or_else(|| is_number(value) && !value.is_integer(), Number::is_float)
    });
}

/// `str(value)`.
fn string(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.as_str().is_some() { Ok(value.clone()) } else { text(state, value).map(Value::from) }
}

fn text(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    python::text(value, python::bytes_left(state))
}

/// `join(values, d, attribute)`: every value as `str` makes text of it.
fn join(state: &mut State<'_, '_>, values: Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let arguments = arguments.into_values();
    let (between, attribute, named): (Option<Value>, Option<Value>, Kwargs) = from_args(&arguments)?;
    let between = between.map_or_else(|| named.get::<Option<Value>>("d"), |between| Ok(Some(between)))?;
    let attribute =
        attribute.map_or_else(|| named.get::<Option<Value>>("attribute"), |name| Ok(Some(name)))?;
    named.assert_all_used()?;
    let between = between.map_or_else(|| Ok(String::new()), |between| text(state, &between))?;
    let values = match attribute.filter(|name| !name.is_none()) {
        None => values,
        Some(name) => {
            let by_attribute: Kwargs = [("attribute", name)].into_iter().collect();
            state.apply_filter("map", &[values, by_attribute.into()])?
        }
    };
    let mut joined = String::new();
    for (at, value) in values.try_iter()?.enumerate() {
        if at > 0 {
            joined.push_str(&between);
        }
        joined.push_str(&text(state, &value)?);
        python::check_size(state, joined.len())?;
    }
    Ok(Value::from(joined))
}

fn trim(state: &State<'_, '_>, value: &Value, characters: Option<&str>) -> Result<Value, Error> {
    let text = text(state, value)?;
    Ok(Value::from(match characters {
        None => python::trim(&text),
        Some(characters) => text.trim_matches(|c| characters.contains(c)),
    }))
}

/// Escapes for HTML as markupsafe does.
fn escape(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value.clone());
    }
    let text = text(state, value)?;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&#34;"),
            c => escaped.push(c),
        }
    }
    Ok(Value::from_safe_string(escaped))
}

/// `truncate(text, length=255, killwords=False, end='...', leeway=5)`.
fn truncate(state: &State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    type Positional = (Option<usize>, Option<bool>, Option<String>, Option<usize>, Kwargs);
    let arguments = arguments.into_values();
    let (length, kill_words, end, leeway, named): Positional = from_args(&arguments)?;
    let length = length.map_or_else(|| named.get("length"), |length| Ok(Some(length)))?.unwrap_or(255);
    let kill_words =
        kill_words.map_or_else(|| named.get("killwords"), |kill| Ok(Some(kill)))?.unwrap_or(false);
    let end = end.map_or_else(|| named.get("end"), |end| Ok(Some(end)))?.unwrap_or_else(|| "...".to_owned());
    let leeway = leeway.map_or_else(|| named.get("leeway"), |leeway| Ok(Some(leeway)))?.unwrap_or(5);
    named.assert_all_used()?;
    let text = text(state, value)?;
    let keep = length.checked_sub(end.chars().count()).ok_or_else(|| {
        let what = format!("truncate: expected a length of at least {}, found {length}", end.chars().count());
        Error::new(ErrorKind::InvalidOperation, what)
    })?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(Value::from(text));
    }
    let cut: String = text.chars().take(keep).collect();
    let cut = if kill_words { &cut } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before) };
    Ok(Value::from(format!("{cut}{end}")))
}

/// The number of runs of letters, digits, and underscores.
fn word_count(state: &State<'_, '_>, value: &Value) -> Result<usize, Error> {
    let text = text(state, value)?;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    Ok(text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).count())
}

fn center(state: &mut State<'_, '_>, value: &Value, width: Option<i64>) -> Result<Value, Error> {
    let text = Value::from(text(state, value)?);
    python::unknown_method(state, &text, "center", &[Value::from(width.unwrap_or(80))])
}

/// Percent-encodes a text, or a map or list of pairs as a query.
fn url_encode(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let quote = |value: &Value, keep: &str| -> Result<String, Error> {
        let text = text(state, value)?;
        Ok(text.bytes().map(|byte| encoded(byte, keep)).collect())
    };
    if value.as_str().is_some() || value.try_iter().is_err() {
        return quote(value, "-._~/");
    }
    let pairs = match value.kind() {
        ValueKind::Map => state.env().empty_state().apply_filter("items", std::slice::from_ref(value))?,
        _ => value.clone(),
    };
    let pair = |pair: Value| -> Result<String, Error> {
        let (key, value) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
        Ok(format!("{}={}", quote(&key, "-._~")?, quote(&value, "-._~")?))
    };
    Ok(pairs.try_iter()?.map(pair).collect::<Result<Vec<_>, _>>()?.join("&"))
}

fn encoded(byte: u8, keep: &str) -> String {
    let c = char::from(byte);
    if c.is_ascii_alphanumeric() || keep.contains(c) { c.to_string() } else { format!("%{byte:02X}") }
}

/// The entries of a map as attributes of XML.
fn xml_attributes(state: &State<'_, '_>, value: &Value, space: Option<bool>) -> Result<Value, Error> {
    let mut attributes = Vec::new();
    for key in value.try_iter()? {
        let name = text(state, &key)?;
        if name.contains(|c: char| python::is_space(c) || matches!(c, '/' | '>' | '=')) {
            let what = format!("xmlattr: `{name}` is no name of an attribute");
            return Err(Error::new(ErrorKind::InvalidOperation, what));
        }
        let content = value.get_item(&key)?;
        if !content.is_none() && !content.is_undefined() {
            attributes.push(format!("{}=\"{}\"", escape(state, &key)?, escape(state, &content)?));
        }
    }
    let before = if space.unwrap_or(true) && !attributes.is_empty() { " " } else { "" };
    Ok(Value::from(format!("{before}{}", attributes.join(" "))))
}
