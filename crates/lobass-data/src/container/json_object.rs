//! A JSON object that may be a whole file: the rows are in one of its lists, or it is a row itself.

use std::io::{self, BufRead};

use lobass_core::TRAIN;
use serde_json::{Map, Value};

use super::TableCells;
use super::cursor::Cursor;
use super::text::is_turn;
use crate::format::detect;
use crate::json;

/// The keys of an object, and what they hold, as far as that tells what the object is.
pub(super) struct Outline {
    entries: Map<String, Value>,
}

/// The meaning of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A row.
    Row,
    /// A file with the rows in this list, and others in those that are left out.
    Rows { list: String, left_out: Vec<String> },
    /// A file with the cells of each column.
    Table(TableCells),
    /// An object that cannot be read: what it seems to be, and what to do.
    Other(String),
}

/// Keys that lists of rows have.
const NAMES: [&str; 11] = [
    TRAIN,
    "data",
    "dataset",
    "rows",
    "examples",
    "instances",
    "samples",
    "items",
    "records",
    "entries",
    "test",
];

/// Values that are longer are not kept: they are no names of columns.
const KEPT_BYTES: usize = 1 << 20;

impl Outline {
    /// Reads an object to its end; `None` if the text is no object, or something follows it.
    pub(super) fn read(reader: impl BufRead) -> io::Result<Option<Self>> {
        let mut cursor = Cursor::new(reader);
        let mut entries = Map::new();
        cursor.byte_order_marks()?;
        cursor.white_space()?;
        if cursor.peek()? != Some(b'{') {
            return Ok(None);
        }
        loop {
            cursor.advance(1); // `{` or `,`
            cursor.white_space()?;
            let Some(key) = cursor.value()? else { return Ok(None) };
            let Ok(key) = serde_json::from_slice::<String>(&key.bytes) else { return Ok(None) };
            cursor.white_space()?;
            if cursor.peek()? != Some(b':') {
                return Ok(None);
            }
            cursor.advance(1);
            cursor.white_space()?;
            let Some(value) = sketch(&mut cursor)? else { return Ok(None) };
            entries.insert(key, value);
            cursor.white_space()?;
            match cursor.peek()? {
                Some(b',') => {}
                Some(b'}') => {
                    cursor.advance(1);
                    cursor.white_space()?;
                    return Ok(cursor.peek()?.is_none().then_some(Self { entries }));
                }
                _ => return Ok(None),
            }
        }
    }

    /// Tells what it is.
    pub(super) fn meaning(&self) -> Meaning {
        if let Some(cells) = self.cells() {
            return Meaning::Table(cells);
        }
        if detect(&self.entries).is_some() {
            return Meaning::Row;
        }
        let lists: Vec<&String> = self
            .entries
            .iter()
            .filter(|(key, value)| is_list_of_rows(key, value))
            .map(|(key, _)| key)
            .collect();
        let only = if let [only] = lists.as_slice() { Some(*only) } else { None };
        match only.or(lists.iter().find(|key| *key.as_str() == *TRAIN).copied()) {
            Some(list) => {
                let left_out = lists.iter().filter(|key| **key != list).map(|key| (*key).clone()).collect();
                Meaning::Rows { list: list.clone(), left_out }
            }
            None if lists.len() > 1 => Meaning::Other(format!(
                "one JSON object with several lists of rows, {}: expected one of them, or `train`; write it to a file",
                names(lists.into_iter())
            )),
            None => self.other(),
        }
    }

    /// How the cells stand in it, if it is a table by its columns. In one column there can be conversations.
    fn cells(&self) -> Option<TableCells> {
        let turns = |value: &Value| value.get(0).is_some_and(|first| first.get(0).is_some_and(is_turn));
        let is_cell =
            |first: &Value| !first.is_object() && (!first.is_array() || first.get(0).is_some_and(is_turn));
        let several = self.entries.len() > 1;
        let all = |test: &dyn Fn(&Value) -> bool| self.entries.values().all(test);
        if (several || all(&turns)) && all(&|value| value.get(0).is_some_and(is_cell)) {
            return Some(TableCells::Lists);
        }
        let is_label = |label: &String| label.bytes().all(|byte| byte.is_ascii_digit());
        let is_labeled = |value: &Value| {
            let first = value.as_object().and_then(|cells| cells.iter().next());
            first.is_some_and(|(label, cell)| is_label(label) && (several || !cell.is_object()))
        };
        all(&is_labeled).then_some(TableCells::Labels)
    }

    /// An object without a list of rows.
    fn other(&self) -> Meaning {
        match self.entries.len() > 1 && self.entries.values().all(Value::is_object) {
            true => Meaning::Other(
                "one JSON object with an object for each of its keys: expected a list of rows".to_owned(),
            ),
            false => Meaning::Row,
        }
    }
}

/// Whether a value is a list of rows: of rows of a known format, or of any under a name that says so. Other lists of
/// objects may be the turns of a row.
fn is_list_of_rows(key: &str, value: &Value) -> bool {
    let first = value.get(0).filter(|first| !is_turn(first)).and_then(Value::as_object);
    first.is_some_and(|first| NAMES.contains(&key) || detect(first).is_some())
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A value, or null if it is long; of a list, its first element alone, and of a long object its first key.
fn sketch(cursor: &mut Cursor<impl BufRead>) -> io::Result<Option<Value>> {
    if cursor.peek()? == Some(b'{') {
        let mut head = Vec::new();
        let ends = cursor.pieces(&mut |piece| {
            let room = KEPT_BYTES.saturating_sub(head.len()).min(piece.len());
            head.extend_from_slice(&piece[..room]);
        })?;
        return Ok(ends.then(|| if head.len() < KEPT_BYTES { short(&head) } else { first_key(&head) }));
    }
    if cursor.peek()? != Some(b'[') {
        return Ok(cursor.value()?.map(|value| short(&value.bytes)));
    }
    cursor.advance(1);
    cursor.white_space()?;
    let mut first = None;
    loop {
        match cursor.peek()? {
            Some(b']') => {
                cursor.advance(1);
                return Ok(Some(first.into_iter().collect()));
            }
            Some(b',') if first.is_some() => {
                cursor.advance(1);
                cursor.white_space()?;
            }
            _ if first.is_some() => return Ok(None),
            _ => {}
        }
        if cursor.peek()? == Some(b']') {
            continue;
        }
        match &first {
            None => {
                let Some(value) = cursor.value()? else { return Ok(None) };
                first = Some(short(&value.bytes));
            }
            Some(_) => {
                if !cursor.pieces(&mut |_| {})? {
                    return Ok(None);
                }
            }
        }
        cursor.white_space()?;
    }
}

/// An object with the first key of a text that begins with one.
fn first_key(head: &[u8]) -> Value {
    let key = head[1..].trim_ascii_start();
    let mut keys = serde_json::Deserializer::from_slice(key).into_iter::<String>();
    let key = keys.next().and_then(Result::ok);
    key.map_or(Value::Null, |key| Value::Object(Map::from_iter([(key, Value::Null)])))
}

fn short(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= KEPT_BYTES);
    text.and_then(|text| json::parse(text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> Option<Meaning> {
        Outline::read(text.as_bytes()).unwrap().map(|outline| outline.meaning())
    }

    fn check_rows(text: &str, list: &str, left_out: &[&str]) {
        let left_out = left_out.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(meaning(text), Some(Meaning::Rows { list: list.to_owned(), left_out }), "{text}");
    }

    #[test]
    fn rows_in_a_list() {
        let row = r#"{"instruction": "a", "output": "b"}"#;
        check_rows(&format!("{{\"version\": \"1\", \"data\": [\n{row},\n{row}\n]\n}}\n"), "data", &[]);
        check_rows(&format!("{{\"any\": [{row},]}}"), "any", &[]);
        check_rows(&format!("{{\"test\": [{row}], \"train\": [{row}]}}"), "train", &["test"]);
        check_rows(&format!("{{\"tags\": [{{\"a\": 1}}], \"rows\": [{row}]}}"), "rows", &[]);
        check_rows(r#"{"data": [{"ask": "a", "reply": "b"}]}"#, "data", &[]);
    }

    #[test]
    fn rows_that_stand_alone() {
        for text in [
            r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#,
            r#"{"instruction": "a", "output": "b", "tools": [{"name": "f"}]}"#,
            r#"{"talk": [{"role": "user", "content": "q"}]}"#,
            r#"{"ask": "a", "reply": "b"}"#,
            r#"{"talk": [{"who": "me", "what": "q"}], "good": {"who": "it"}}"#,
        ] {
            assert_eq!(meaning(text), Some(Meaning::Row), "{text}");
        }
    }

    #[test]
    fn tables_of_other_shapes_are_named() {
        let other = |text: &str, word: &str| {
            let Some(Meaning::Other(reason)) = meaning(text) else { panic!("{text}") };
            assert!(reason.contains(word), "{reason}");
        };
        other(r#"{"1": {"ask": "a"}, "2": {"ask": "b"}}"#, "an object for each of its keys");
        other(r#"{"data": [{"x": 1}], "rows": [{"y": 1}]}"#, "several lists of rows, `data`, `rows`");
    }

    #[test]
    fn tables_by_their_columns() {
        let long =
            format!("{{\"ask\": {{\"0\": \"{}\"}}, \"reply\": {{\"0\": \"a\"}}}}", "x".repeat(KEPT_BYTES));
        for (text, cells) in [
            (r#"{"question": ["a", "b"], "reply": ["c", "d"]}"#, TableCells::Lists),
            (r#"{"instruction": ["a"], "output": ["b"]}"#, TableCells::Lists),
            (r#"{"messages": [[{"role": "user", "content": "q"}]]}"#, TableCells::Lists),
            (r#"{"ask": {"0": "a", "1": "b"}, "reply": {"0": "c"}}"#, TableCells::Labels),
            (r#"{"ask": {"17": "a"}, "reply": {"17": "c"}}"#, TableCells::Labels),
            (&long, TableCells::Labels),
        ] {
            assert_eq!(meaning(text), Some(Meaning::Table(cells)), "{:?}", text.get(..40));
        }
    }

    #[test]
    fn texts_that_are_no_object_alone() {
        for text in ["[1]", "{\"a\": 1}{\"b\": 2}", "{\"a\": 1", "{\"a\" 1}", "{a: 1}", "{\"a\": [1 2]}"] {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
