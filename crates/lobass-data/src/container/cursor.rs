//! JSON text from front to back, piece by piece.
//!
//! The cursor knows just enough JSON to find where a value ends: strings, escapes, and nesting. Whether a value is
//! well-formed is decided when it is parsed, so a bad row costs one row and not the file.

use std::io::{self, BufRead};

use super::MAX_ROW_BYTES;

/// A place in a JSON text.
pub(super) struct Cursor<R> {
    reader: R,
    offset: u64,
}

/// The text of a value.
pub(super) struct ValueText {
    /// The text, or nothing if it is too long to be kept.
    pub(super) bytes: Vec<u8>,
    /// Its length.
    pub(super) length: usize,
    /// The byte of the file at which it begins.
    pub(super) offset: u64,
}

impl<R: BufRead> Cursor<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, offset: 0 }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next byte.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    /// The bytes that are ready; empty at the end.
    pub(super) fn ready(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.reader.consume(count);
        self.offset += count as u64;
    }

    /// Goes past byte order marks.
    pub(super) fn byte_order_marks(&mut self) -> io::Result<()> {
        while self.reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            self.advance(3);
        }
        Ok(())
    }

    /// Goes past white space, and returns it.
    pub(super) fn white_space(&mut self) -> io::Result<Vec<u8>> {
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

    /// Goes past one value, and returns its text; what exceeds the limit is dropped. `None` if the file ends first.
    pub(super) fn value(&mut self) -> io::Result<Option<ValueText>> {
        let (value, ends) = self.read_value()?;
        Ok(ends.then_some(value))
    }

    /// [`Cursor::value`], or the rest of the file for a value without an end.
    pub(super) fn value_or_rest(&mut self) -> io::Result<ValueText> {
        Ok(self.read_value()?.0)
    }

    fn read_value(&mut self) -> io::Result<(ValueText, bool)> {
        let offset = self.offset;
        let (mut bytes, mut length) = (Vec::new(), 0);
        let ends = self.pieces(&mut |piece| {
            length += piece.len();
            if length <= MAX_ROW_BYTES {
                bytes.extend_from_slice(piece);
            } else {
                bytes = Vec::new();
            }
        })?;
        Ok((ValueText { bytes, length, offset }, ends))
    }

    /// Goes past one value, and shows it in pieces. Says whether it has an end.
    pub(super) fn pieces(&mut self, see: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let mut scan = Scan::default();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let end = scan.end_in(buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            see(piece);
            let used = piece.len();
            self.advance(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// The next byte, for messages.
    pub(super) fn found(&mut self) -> io::Result<String> {
        Ok(match self.peek()? {
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            Some(byte) => format!("byte 0x{byte:02x}"),
            None => "the end of the file".to_owned(),
        })
    }
}

/// Where in a value the cursor is.
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
                Place::Bare if matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}' | b':') => {
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
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ if starts => self.place = Place::Bare,
            _ => {}
        }
        false
    }
}
