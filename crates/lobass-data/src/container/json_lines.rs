//! One JSON value per line.

use std::io::{self, BufRead};

use super::MAX_ROW_BYTES;
use super::text::{Place, RawText};

/// Splits a text into its non-blank lines, each at most [`MAX_ROW_BYTES`] long in memory.
pub(super) struct JsonLines<R> {
    reader: R,
    /// 1-based number of the line to be read next.
    line: u64,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 1 }
    }

    /// The next line that is not blank.
    pub(super) fn next_row(&mut self) -> io::Result<Option<RawText>> {
        loop {
            let line = self.line;
            let Some((bytes, length)) = self.next_line()? else { return Ok(None) };
            self.line += 1;
            let content = without_marks(&bytes); // files that were joined have them in the middle
            if length <= MAX_ROW_BYTES && content.trim_ascii().is_empty() {
                continue;
            }
            let bytes = content.to_vec();
            return Ok(Some(RawText { bytes, length, place: Place::Line(line), before: Vec::new() }));
        }
    }

    /// Reads up to the next line feed; what exceeds the limit is read and dropped.
    fn next_line(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let (mut line, mut length) = (Vec::new(), 0);
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok((length > 0).then_some((line, length)));
            }
            let end = memchr::memchr(b'\n', buffer);
            let part = &buffer[..end.unwrap_or(buffer.len())];
            length += part.len();
            if length <= MAX_ROW_BYTES {
                line.extend_from_slice(part);
            } else {
                line = Vec::new();
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some((line, length)));
            }
        }
    }
}

/// A text without the byte order marks at its head.
pub(super) fn without_marks(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
        text = rest;
    }
    text
}
