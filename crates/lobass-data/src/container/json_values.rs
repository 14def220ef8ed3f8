//! JSON objects one after another, each over several lines or all on one.

use std::io::{self, BufRead};

use super::cursor::Cursor;
use super::text::{Place, RawText};

/// Splits a text into the values that stand in it, with white space or a comma between them.
pub(super) struct JsonValues<R> {
    cursor: Cursor<R>,
    n_values: u64,
}

impl<R: BufRead> JsonValues<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { cursor: Cursor::new(reader), n_values: 0 }
    }

    /// The next value. One without an end, which is the last, is all that is left of the text.
    pub(super) fn next_row(&mut self) -> io::Result<Option<RawText>> {
        self.cursor.byte_order_marks()?;
        let mut before = self.cursor.white_space()?;
        if self.n_values > 0 && self.cursor.peek()? == Some(b',') {
            self.cursor.advance(1);
            before = self.cursor.white_space()?;
        }
        if self.cursor.peek()?.is_none() {
            return Ok(None);
        }
        self.n_values += 1;
        let value = self.cursor.value_or_rest()?;
        let place = Place::Element { number: self.n_values, offset: value.offset };
        Ok(Some(RawText { bytes: value.bytes, length: value.length, place, before }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut values = JsonValues::new(BufReader::with_capacity(3, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(row) = values.next_row().unwrap() {
            found.push(String::from_utf8(row.bytes).unwrap());
        }
        found
    }

    #[test]
    fn values_in_a_row() {
        assert_eq!(
            split("\u{feff}{\n \"a\": 1\n}\n{\"b\": \"}{\"}\n\n"),
            ["{\n \"a\": 1\n}", "{\"b\": \"}{\"}"]
        );
        assert_eq!(split("{}{}\r{\"a\":\n2},\n{}"), ["{}", "{}", "{\"a\":\n2}", "{}"]);
        assert_eq!(split("{} } {\"a\": "), ["{}", "}", "{\"a\": "], "damage costs a row");
        assert_eq!(split(" \n"), Vec::<String>::new());
    }
}
