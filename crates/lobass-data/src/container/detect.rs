//! Telling a file's container from its first bytes, not from its name.

use std::io::{BufRead, Read as _};

use super::cursor::Cursor;
use super::json_lines::without_marks;
use super::json_object::{Meaning, Outline};
use super::text::is_turn;
use super::{ArrowKind, Compression, Container, MAX_ROW_BYTES, seems};
use crate::original::Original;
use crate::{Error, json};

/// Bytes that tell a container.
const HEAD: u64 = 1 << 16;

/// The container of a file.
///
/// # Errors
/// [`Error::Container`] for what cannot be read, with what it seems to be; [`Error::Empty`] if there is nothing in it.
pub(super) fn detect(file: &Original) -> Result<Container, Error> {
    let fail = |reason: String| Error::Container { path: file.path().to_owned(), reason };
    // A damaged stream does not know its file.
    let damaged = |error: std::io::Error| file.blame(fail(error.to_string()));
    let mut start = Vec::new();
    file.open()?.take(16).read_to_end(&mut start).map_err(damaged)?;
    let compression = Compression::sniff(&start);
    let mut head = Vec::new();
    compression.open(file)?.take(HEAD).read_to_end(&mut head).map_err(damaged)?;
    if let Some(container) = binary(&head, compression) {
        return container.ok_or_else(|| {
            fail("Parquet or Arrow inside of gzip or zstd: expected it as it is; unpack it".to_owned())
        });
    }
    if let Some(what) = seems::foreign(&head) {
        return Err(fail(format!("expected {}, found {what}", seems::READ)));
    }
    let text = without_marks(&head).trim_ascii_start();
    match text.first() {
        None if (head.len() as u64) < HEAD => Err(Error::Empty { path: file.path().to_owned() }),
        Some(b'[') if is_lines_of_lists(text) => Ok(Container::JsonLines(compression)),
        Some(b'[') => Ok(Container::JsonArray(compression)),
        Some(b'{') => objects(file, compression),
        _ => Ok(match separator(file, text) {
            Some(separator) => Container::Csv { separator, compression },
            None => Container::JsonLines(compression),
        }),
    }
}

/// A container that is no text; `None` inside if it is packed, so that it cannot be read.
#[expect(clippy::option_option, reason = "not binary, binary that cannot be read, and binary that can")]
fn binary(head: &[u8], compression: Compression) -> Option<Option<Container>> {
    let container = match head {
        [b'P', b'A', b'R', b'1', ..] => Container::Parquet,
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Container::Arrow(ArrowKind::File),
        [0xff, 0xff, 0xff, 0xff, ..] => Container::Arrow(ArrowKind::Stream),
        _ => return None,
    };
    Some((compression == Compression::None).then_some(container))
}

/// Whether the first line is a list of turns, and another line follows that is a list.
fn is_lines_of_lists(text: &[u8]) -> bool {
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first =
        lines.next().and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| json::parse(line).ok());
    let has_turns = first.is_some_and(|first| {
        let inner = |value: &serde_json::Value| value.is_array() || is_turn(value);
        first.as_array().is_some_and(|list| list.first().is_some_and(inner))
    });
    has_turns && lines.next().is_some_and(|line| line.starts_with(b"["))
}

/// How objects stand in a text: one per line, one after another, or one with the rows in it.
fn objects(file: &Original, compression: Compression) -> Result<Container, Error> {
    let fail = |reason: String| Error::Container { path: file.path().to_owned(), reason };
    let damaged = |error: std::io::Error| file.blame(fail(error.to_string()));
    let first = First::read(compression.open(file)?).map_err(damaged)?;
    if first.is_line && !first.is_only {
        return Ok(Container::JsonLines(compression));
    }
    if first.is_only || first.is_long {
        let outline = Outline::read(compression.open(file)?).map_err(damaged)?;
        match outline.map(|outline| outline.meaning()) {
            Some(Meaning::Rows { list, left_out }) => {
                return Ok(Container::JsonObject { list, left_out, compression });
            }
            Some(Meaning::Table(cells)) => return Ok(Container::JsonTable { cells, compression }),
            Some(Meaning::Other(reason)) => return Err(fail(reason)),
            Some(Meaning::Row) | None => {}
        }
    }
    Ok(match first.is_line || !first.is_json {
        true => Container::JsonLines(compression),
        false => Container::JsonValues(compression),
    })
}

/// The first value of a text.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, each asked for once")]
struct First {
    /// It is well-formed, as far as it was kept.
    is_json: bool,
    /// It is too long for a row.
    is_long: bool,
    /// It is on one line, and nothing but a comma follows on that.
    is_line: bool,
    /// Nothing follows at all.
    is_only: bool,
}

impl First {
    fn read(reader: impl BufRead) -> std::io::Result<Self> {
        let mut cursor = Cursor::new(reader);
        cursor.byte_order_marks()?;
        cursor.white_space()?;
        let value = cursor.value_or_rest()?;
        let space = cursor.white_space()?;
        let ends_with_comma = cursor.peek()? == Some(b',');
        let mut after = space.contains(&b'\n');
        if ends_with_comma {
            cursor.advance(1);
            after |= cursor.white_space()?.contains(&b'\n');
        }
        let is_only = cursor.peek()?.is_none();
        let is_long = value.length > MAX_ROW_BYTES;
        Ok(Self {
            is_json: std::str::from_utf8(&value.bytes).is_ok_and(|text| json::parse(text).is_ok()),
            is_long,
            is_line: !value.bytes.contains(&b'\n') && !is_long && (after || is_only),
            is_only,
        })
    }
}

/// The separator of a text that begins with a line of column names.
fn separator(file: &Original, text: &[u8]) -> Option<u8> {
    let line = text.split(|&byte| byte == b'\n' || byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let count = |separator: u8| line.bytes().filter(|&byte| byte == separator).count();
    let separator = match () {
        () if count(b'\t') > 0 => b'\t',
        () if count(b';') > count(b',') => b';',
        () => b',',
    };
    let name = file.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_named = [".csv", ".tsv"].iter().any(|ending| name.contains(ending));
    let is_name = |cell: &str| {
        let cell = cell.trim().trim_matches('"');
        cell.len() <= 64 && cell.chars().all(|c| c.is_alphanumeric() || " _-.,:/()".contains(c))
    };
    let is_header = count(separator) > 0 && line.split(char::from(separator)).all(is_name);
    (is_named || is_header).then_some(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(name: &str, text: impl AsRef<[u8]>) -> Result<Container, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs_err::write(&path, text).unwrap();
        detect(&Original::of(&path).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_of_every_kind() {
        use Compression::None as Plain;
        let row = r#"{"question": "a", "answer": "b"}"#;
        let is =
            |text: &str, container: Container| assert_eq!(detected("x", text).unwrap(), container, "{text}");
        let marked = format!("\u{feff}\u{feff} {row}\n{row}\n");
        for text in [
            row,
            &format!("{row}\n{row}\n"),
            &format!("{row},\n{row},\n"),
            &marked,
            "{\"a\": 1\n{\"b\": 2}\n",
        ] {
            is(text, Container::JsonLines(Plain));
        }
        is(&format!("[{row}]"), Container::JsonArray(Plain));
        is("[[{\"question\": \"a\"}]]", Container::JsonArray(Plain));
        let turns = r#"[{"role": "user", "content": "q"}]"#;
        is(&format!("{turns}\n{turns}\n"), Container::JsonLines(Plain));
        let pretty = row.replace(", ", ",\n");
        for text in
            [&format!("{pretty}\n{pretty}\n"), &pretty, &format!("{row}{row}"), &format!("{row}\r{row}")]
        {
            is(text, Container::JsonValues(Plain));
        }
        let wrapped = format!("{{\n\"data\": [{row}, {row}]}}\n");
        is(
            &wrapped,
            Container::JsonObject { list: "data".to_owned(), left_out: Vec::new(), compression: Plain },
        );
        is("question,answer\na,b\n", Container::Csv { separator: b',', compression: Plain });
        is("question\tanswer, long\na\tb\n", Container::Csv { separator: b'\t', compression: Plain });
        is("\u{feff}\"question\";\"answer\"\na;b\n", Container::Csv { separator: b';', compression: Plain });
        is("no data, and no table!\n", Container::JsonLines(Plain));
    }

    #[test]
    fn names_help_where_the_text_does_not_tell() {
        let csv = |separator| Ok(Container::Csv { separator, compression: Compression::None });
        assert_eq!(detected("a.csv", "what is it?!, say\n1,2\n"), csv(b','));
        assert_eq!(detected("a.csv", "text\nonly one\n"), csv(b','));
        assert_eq!(
            detected("a.csv", "{\"a\": 1}\n{\"a\": 2}\n"),
            Ok(Container::JsonLines(Compression::None))
        );
    }

    #[test]
    fn what_cannot_be_read_says_what_it_seems_to_be() {
        for (text, word) in [
            (&b"\xff\xfe{\0\"\0"[..], "UTF-16"),
            (b"PK\x03\x04", "ZIP"),
            (b"{\"1\": {\"ask\": \"a\"}, \"2\": {\"ask\": \"b\"}}", "an object for each of its keys"),
            (b" \n", "found an empty file"),
            (b"", "found an empty file"),
        ] {
            let error = detected("x", text).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
