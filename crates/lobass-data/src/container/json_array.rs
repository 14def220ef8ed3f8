//! One JSON array, read element by element: alone, or in an object (`{"version": 1, "data": [..]}`).

use std::io::{self, BufRead};

use super::cursor::Cursor;
use super::text::{Place, RawText};

/// Splits a JSON array into its elements.
pub(super) struct JsonArray<R> {
    cursor: Cursor<R>,
    /// Elements read so far.
    n_elements: u64,
    /// The key of the object that the array is in.
    list: Option<String>,
    opened: bool,
    /// White space after the closing bracket of an array that is the whole text.
    after: Vec<u8>,
}

/// The next item of an array.
pub(super) enum Item {
    /// An element, and the white space before it.
    Element(RawText),
    /// The closing bracket, and the white space before it.
    End { before: Vec<u8> },
}

/// Why a text is not a JSON array.
#[derive(Debug)]
pub(super) enum ArrayError {
    Io(io::Error),
    Syntax(String),
}

impl From<io::Error> for ArrayError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: BufRead> JsonArray<R> {
    /// An array that is the value of the key `list` of an object, or else the whole text.
    pub(super) fn new(reader: R, list: Option<&str>) -> Self {
        Self {
            cursor: Cursor::new(reader),
            n_elements: 0,
            list: list.map(str::to_owned),
            opened: false,
            after: Vec::new(),
        }
    }

    /// Goes to the first element, and shows what it passes.
    pub(super) fn open(&mut self, passed: &mut dyn FnMut(&[u8])) -> Result<(), ArrayError> {
        if self.opened {
            return Ok(());
        }
        self.cursor.byte_order_marks()?;
        passed(&self.cursor.white_space()?);
        if let Some(list) = self.list.clone() {
            self.expect(b'{', "`{`")?;
            passed(b"{");
            self.find(&list, passed)?;
        }
        self.expect(b'[', "`[`")?;
        passed(b"[");
        self.opened = true;
        Ok(())
    }

    /// Goes to the value of a key of an object.
    fn find(&mut self, list: &str, passed: &mut dyn FnMut(&[u8])) -> Result<(), ArrayError> {
        loop {
            passed(&self.cursor.white_space()?);
            let Some(key) = self.cursor.value()? else { return Err(self.unexpected("a key")?) };
            passed(&key.bytes);
            passed(&self.cursor.white_space()?);
            self.expect(b':', "`:`")?;
            passed(b":");
            passed(&self.cursor.white_space()?);
            if serde_json::from_slice::<String>(&key.bytes).is_ok_and(|key| key == list) {
                return Ok(());
            }
            if !self.cursor.pieces(passed)? {
                return Err(self.unexpected("the rest of the value")?);
            }
            passed(&self.cursor.white_space()?);
            self.expect(b',', "`,`")?;
            passed(b",");
        }
    }

    /// The next element or the end; not to be called after the end.
    pub(super) fn next_item(&mut self) -> Result<Item, ArrayError> {
        self.open(&mut |_| {})?;
        let mut before = self.cursor.white_space()?;
        if self.cursor.peek()? == Some(b']') {
            return self.end(before);
        }
        if self.n_elements > 0 {
            self.expect(b',', "`,` or `]`")?;
            before = self.cursor.white_space()?;
            if self.cursor.peek()? == Some(b']') {
                return self.end(before); // a comma after the last element means nothing else
            }
        }
        if matches!(self.cursor.peek()?, None | Some(b',' | b'}' | b':')) {
            return Err(self.unexpected("a value")?);
        }
        let Some(value) = self.cursor.value()? else {
            return Err(self.unexpected("the rest of the element")?);
        };
        self.n_elements += 1;
        let place = Place::Element { number: self.n_elements, offset: value.offset };
        Ok(Item::Element(RawText { bytes: value.bytes, length: value.length, place, before }))
    }

    fn end(&mut self, before: Vec<u8>) -> Result<Item, ArrayError> {
        self.cursor.advance(1);
        if self.list.is_none() {
            self.after = self.cursor.white_space()?;
            if self.cursor.peek()?.is_some() {
                return Err(self.unexpected("nothing after the closing `]`")?);
            }
        }
        Ok(Item::End { before })
    }

    /// Shows all that follows the closing bracket.
    pub(super) fn rest(&mut self, passed: &mut dyn FnMut(&[u8])) -> Result<(), ArrayError> {
        passed(&self.after);
        loop {
            let buffer = self.cursor.ready()?;
            if buffer.is_empty() {
                return Ok(());
            }
            passed(buffer);
            let count = buffer.len();
            self.cursor.advance(count);
        }
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), ArrayError> {
        if self.cursor.peek()? == Some(byte) {
            self.cursor.advance(1);
            return Ok(());
        }
        Err(self.unexpected(expected)?)
    }

    fn unexpected(&mut self, expected: &str) -> io::Result<ArrayError> {
        let found = self.cursor.found()?;
        let place = match self.n_elements {
            0 => String::new(),
            n => format!(", after element {n}"),
        };
        Ok(ArrayError::Syntax(format!(
            "expected {expected} at byte {}{place}, found {found}",
            self.cursor.offset()
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn split_list(text: &[u8], list: Option<&str>, capacity: usize) -> Result<Vec<String>, String> {
        let mut array = JsonArray::new(BufReader::with_capacity(capacity, text), list);
        let mut elements = Vec::new();
        loop {
            match array.next_item() {
                Ok(Item::Element(row)) => elements.push(String::from_utf8(row.bytes).unwrap()),
                Ok(Item::End { .. }) => return Ok(elements),
                Err(ArrayError::Syntax(reason)) => return Err(reason),
                Err(ArrayError::Io(error)) => panic!("{error}"),
            }
        }
    }

    fn split(text: &[u8], capacity: usize) -> Result<Vec<String>, String> {
        split_list(text, None, capacity)
    }

    #[test]
    fn elements_of_every_kind() {
        let text = br#" [ {"a": "]\"}"}, [1, [2]] ,"x,]", -1.5e3, null,{}] "#;
        let expected = [r#"{"a": "]\"}"}"#, "[1, [2]]", r#""x,]""#, "-1.5e3", "null", "{}"];
        assert_eq!(split(text, 64).unwrap(), expected);
        assert_eq!(split(b"[]", 64).unwrap(), Vec::<String>::new());
        assert_eq!(split(b"\xef\xbb\xbf\xef\xbb\xbf[1]", 64).unwrap(), ["1"]);
        assert_eq!(split(b"[1,\n]\n", 64).unwrap(), ["1"]);
    }

    #[test]
    fn an_array_in_an_object() {
        let text = br#" {"version": "1", "other": [{"a": 1}], "data" : [{"a": 2}, {"a": 3}], "end": 1}"#;
        for capacity in [3, 64] {
            assert_eq!(split_list(text, Some("data"), capacity).unwrap(), [r#"{"a": 2}"#, r#"{"a": 3}"#]);
        }
        assert!(split_list(b"{\"a\": [", Some("data"), 64).unwrap_err().contains("end of the file"));
    }

    #[test]
    fn damage_is_told_with_its_place() {
        for (text, part) in [
            (&b"[1, 2"[..], "the rest of the element at byte 5, after element 1, found the end of the file"),
            (b"[1, {} ", "byte 7, after element 2, found the end of the file"),
            (b"[1 2]", "byte 3, after element 1, found `2`"),
            (b"[1,,]", "a value at byte 3"),
            (b"[,1]", "a value at byte 1"),
            (b"[1] x", "nothing after the closing `]`"),
            (b"{\"a\": 1}", "`[` at byte 0"),
            (b"[{\"a\": \"b", "the rest of the element"),
            (b"", "found the end of the file"),
        ] {
            let reason = split(text, 3).unwrap_err();
            assert!(reason.contains(part), "{}: {reason}", String::from_utf8_lossy(text));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_array_splits_into_its_elements(
            values in prop::collection::vec(any_json(), 0..6),
            pretty: bool,
            wrapped: bool,
            capacity in 1usize..40,
        ) {
            let array = if wrapped { json!({"x": [[1, "]"]], "rows": values, "y": {}}) } else { json!(values) };
            let text = if pretty { format!("{array:#}") } else { array.to_string() };
            let elements = split_list(text.as_bytes(), wrapped.then_some("rows"), capacity).unwrap();
            let parsed: Vec<Value> = elements.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(parsed, values);
        }
    }
}
