//! One JSON array, read element by element.
//!
//! The splitter knows just enough JSON to find where an element ends: strings, escapes, and nesting. Whether an
//! element is well-formed is decided when it is parsed, so a bad element costs one row and not the file.

use std::io::{self, BufRead};

use super::{MAX_ROW_BYTES, RawText};

/// Splits a text that is one JSON array into its elements.
pub(super) struct JsonArray<R> {
    reader: R,
    /// Bytes read so far.
    offset: u64,
    /// Elements read so far.
    n_elements: u64,
    opened: bool,
}

/// What stands next in an array.
pub(super) enum Item {
    /// An element, and the white space before it.
    Element(RawText),
    /// The closing bracket, the white space before it, and whatever blank text follows.
    End { before: Vec<u8>, after: Vec<u8> },
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
    pub(super) fn new(reader: R) -> Self {
        Self { reader, offset: 0, n_elements: 0, opened: false }
    }

    /// The next element or the end; not to be called after the end.
    pub(super) fn next_item(&mut self) -> Result<Item, ArrayError> {
        if !self.opened {
            self.byte_order_mark()?;
            self.white_space()?;
            self.expect(b'[', "`[`")?;
            self.opened = true;
        }
        let mut before = self.white_space()?;
        if self.peek()? == Some(b']') {
            self.advance(1);
            return self.end(before);
        }
        if self.n_elements > 0 {
            self.expect(b',', "`,` or `]`")?;
            before = self.white_space()?;
        }
        let offset = self.offset;
        let (bytes, length) = self.element()?;
        self.n_elements += 1;
        let place = format!("element {} at byte {offset}", self.n_elements);
        Ok(Item::Element(RawText { bytes, length, place, before }))
    }

    fn end(&mut self, before: Vec<u8>) -> Result<Item, ArrayError> {
        let after = self.white_space()?;
        match self.peek()? {
            None => Ok(Item::End { before, after }),
            Some(_) => Err(self.unexpected("nothing after the closing `]`")?),
        }
    }

    /// One value, without the white space around it; what exceeds the limit is read and dropped.
    fn element(&mut self) -> Result<(Vec<u8>, usize), ArrayError> {
        if matches!(self.peek()?, None | Some(b',' | b']' | b'}')) {
            return Err(self.unexpected("a value")?);
        }
        let (mut bytes, mut length) = (Vec::new(), 0);
        let mut scan = Scan::default();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Err(self.unexpected("the rest of the element")?);
            }
            let end = scan.end_in(buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            length += part.len();
            if length <= MAX_ROW_BYTES {
                bytes.extend_from_slice(part);
            } else {
                bytes = Vec::new();
            }
            let used = part.len();
            self.advance(used);
            if end.is_some() {
                return Ok((bytes, length));
            }
        }
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), ArrayError> {
        if self.peek()? == Some(byte) {
            self.advance(1);
            return Ok(());
        }
        Err(self.unexpected(expected)?)
    }

    fn unexpected(&mut self, expected: &str) -> io::Result<ArrayError> {
        let found = match self.peek()? {
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            Some(byte) => format!("byte 0x{byte:02x}"),
            None => "the end of the file".to_owned(),
        };
        let place = match self.n_elements {
            0 => String::new(),
            n => format!(", after element {n}"),
        };
        Ok(ArrayError::Syntax(format!("expected {expected} at byte {}{place}, found {found}", self.offset)))
    }

    fn byte_order_mark(&mut self) -> io::Result<()> {
        if self.reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            self.advance(3);
        }
        Ok(())
    }

    fn white_space(&mut self) -> io::Result<Vec<u8>> {
        let mut space = Vec::new();
        loop {
            let buffer = self.reader.fill_buf()?;
            let count = buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let more = count > 0 && count == buffer.len();
            space.extend_from_slice(&buffer[..count]);
            self.advance(count);
            if !more {
                return Ok(space);
            }
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn advance(&mut self, count: usize) {
        self.reader.consume(count);
        self.offset += count as u64;
    }
}

/// Where in a value the scanner is.
#[derive(Default)]
struct Scan {
    place: Place,
    /// Open objects and arrays.
    depth: u32,
}

#[derive(Default, Clone, Copy)]
enum Place {
    /// Before the first byte.
    #[default]
    Start,
    /// In a number, `true`, `false`, `null`, or nonsense: ends before the next separator.
    Bare,
    /// In an object or array, outside strings.
    Nested,
    /// In a string.
    Text { escaped: bool },
}

impl Scan {
    /// Looks for the end of the value in the next piece of it: the number of bytes that belong to it.
    fn end_in(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, &byte) in piece.iter().enumerate() {
            match self.place {
                Place::Bare if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}') => {
                    return Some(at);
                }
                Place::Bare => {}
                Place::Text { escaped } => {
                    if self.text(byte, escaped) {
                        return Some(at + 1);
                    }
                }
                Place::Start | Place::Nested => {
                    if self.structure(byte) {
                        return Some(at + 1);
                    }
                }
            }
        }
        None
    }

    /// Takes a byte of a string and says whether the value ends with it.
    fn text(&mut self, byte: u8, escaped: bool) -> bool {
        self.place = match byte {
            b'"' if !escaped => Place::Nested,
            b'\\' => Place::Text { escaped: !escaped },
            _ => Place::Text { escaped: false },
        };
        matches!(self.place, Place::Nested) && self.depth == 0
    }

    /// Takes a byte outside strings and says whether the value ends with it.
    fn structure(&mut self, byte: u8) -> bool {
        let starts = matches!(self.place, Place::Start);
        self.place = Place::Nested;
        match byte {
            b'"' => self.place = Place::Text { escaped: false },
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ if starts => self.place = Place::Bare,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn split(text: &[u8], capacity: usize) -> Result<Vec<String>, String> {
        let mut array = JsonArray::new(BufReader::with_capacity(capacity, text));
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

    #[test]
    fn elements_of_every_kind() {
        let text = br#" [ {"a": "]\"}"}, [1, [2]] ,"x,]", -1.5e3, null,{}] "#;
        let expected = [r#"{"a": "]\"}"}"#, "[1, [2]]", r#""x,]""#, "-1.5e3", "null", "{}"];
        assert_eq!(split(text, 64).unwrap(), expected);
        assert_eq!(split(b"[]", 64).unwrap(), Vec::<String>::new());
        assert_eq!(split(b"\xef\xbb\xbf[1]", 64).unwrap(), ["1"]);
    }

    #[test]
    fn damage_is_told_with_its_place() {
        for (text, part) in [
            (&b"[1, 2"[..], "the rest of the element at byte 5, after element 1, found the end of the file"),
            (b"[1, {} ", "byte 7, after element 2, found the end of the file"),
            (b"[1 2]", "byte 3, after element 1, found `2`"),
            (b"[1,]", "a value at byte 3"),
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
            capacity in 1usize..40,
        ) {
            let array = json!(values);
            let text = if pretty { format!("{array:#}") } else { array.to_string() };
            let elements = split(text.as_bytes(), capacity).unwrap();
            let parsed: Vec<Value> = elements.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(parsed, values);
        }
    }
}
