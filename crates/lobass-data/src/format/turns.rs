//! Lists of turns, in the ways that columns hold them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::json;

/// The turns of a value: a list, or a struct of lists, as `datasets` stores a sequence of structs. `None` for any other
/// value. Text gives `None` even if it looks like JSON, since the column may hold text.
pub(super) fn of(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::Array(turns) => Some(Cow::Borrowed(turns)),
        Value::Object(lists) => transpose(lists).map(Cow::Owned),
        _ => None,
    }
}

/// The turns of a value in a column that holds turns only: as [`of`] reads them, or as JSON text.
pub(super) fn of_column(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::String(text) => in_text(text).map(Cow::Owned),
        value => of(value),
    }
}

/// The turns that a text holds as JSON, if it holds nothing else.
pub(crate) fn in_text(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with(['[', '{']) {
        return None;
    }
    match json::parse(text).ok()? {
        Value::Array(turns) => is_turns(&turns).then_some(turns),
        Value::Object(lists) => transpose(&lists),
        _ => None,
    }
}

/// The fields of a turn, which may be JSON text.
pub(super) fn fields(turn: &Value) -> Option<Cow<'_, Map<String, Value>>> {
    match turn {
        Value::Object(fields) => Some(Cow::Borrowed(fields)),
        Value::String(text) if text.trim_start().starts_with('{') => match json::parse(text) {
            Ok(Value::Object(fields)) => Some(Cow::Owned(fields)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether every element says who speaks.
pub(super) fn is_turns(turns: &[Value]) -> bool {
    let speaks =
        |turn: &Value| ["role", "from"].iter().any(|name| turn.get(name).is_some_and(Value::is_string));
    turns.iter().all(speaks)
}

/// A list of turns from a struct of lists of one length.
fn transpose(lists: &Map<String, Value>) -> Option<Vec<Value>> {
    let speakers = ["role", "from"].iter().find_map(|name| lists.get(*name)?.as_array())?;
    let mut turns = vec![Map::new(); speakers.len()];
    for (name, list) in lists {
        match list {
            Value::Null => {}
            Value::Array(values) if values.len() == turns.len() => {
                for (turn, value) in turns.iter_mut().zip(values) {
                    turn.insert(name.clone(), value.clone());
                }
            }
            _ => return None,
        }
    }
    Some(turns.into_iter().map(Value::Object).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn three_ways_to_store_the_same_turns() {
        let turns = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]);
        let expected = turns.as_array().unwrap().clone();
        let text = json!(turns.to_string());
        let lists = json!({"role": ["user", "assistant"], "content": ["q", "a"], "name": null});
        for value in [&turns, &text, &json!(lists.to_string()), &lists] {
            assert_eq!(of_column(value).unwrap().into_owned(), expected, "{value}");
            assert_eq!(of(value).is_some(), !value.is_string(), "{value}");
        }
        for none in [
            json!("hello"),
            json!("[1] a footnote"),
            json!("[{\"a\": 1}]"),
            json!({"role": ["x"], "content": []}),
            json!(7),
        ] {
            assert_eq!(of_column(&none), None, "{none}");
        }
    }
}
