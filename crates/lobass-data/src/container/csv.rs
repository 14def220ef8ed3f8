//! Comma-separated values, with other separators too: a line of column names, then a row per record.
//!
//! A cell is text, with two exceptions. Words such as `NA` and `null` stand for a missing value. A list of turns as JSON
//! is read as that list, since CSV has no other way to write one. A quoted cell may hold line ends, separators, and
//! doubled quotes (RFC 4180).

use std::io::{self, BufRead};

use csv_core::ReadRecordResult;
use serde_json::{Map, Value};

use super::MAX_ROW_BYTES;
use super::json_lines::without_marks;
use super::text::{Place, RawText};
use crate::RowFault;
use crate::format::turns_in_text;

/// The words for a missing value: `STR_NA_VALUES` of pandas, which `datasets` uses, without the empty text.
const MISSING: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Splits a text into records.
pub(super) struct CsvRows<R> {
    reader: R,
    separator: u8,
    /// 1-based number of the line to be read next.
    line: u64,
    names: Vec<String>,
    /// The line of column names as it stands.
    header: Vec<u8>,
    /// Whether every cell is the text that it has, whatever that says.
    is_text: bool,
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the column names.
    ///
    /// # Errors
    /// A reason in words, if there are no names, if they are not text, or if two are the same.
    pub(super) fn open(reader: R, separator: u8) -> io::Result<Result<Self, String>> {
        let mut rows = Self::named(reader, separator, Vec::new());
        rows.is_text = false;
        let Some(header) = rows.next_row()? else { return Ok(Ok(rows)) };
        rows.header = without_marks(&header.bytes).to_vec();
        rows.names = match cells(&rows.header, separator) {
            Ok(names) => names,
            Err(reason) => return Ok(Err(format!("the column names: {reason}"))),
        };
        let twice = |(at, name): (usize, &String)| {
            let is_twice = !name.is_empty() && rows.names[..at].contains(name);
            is_twice.then(|| format!("expected column names that differ, found `{name}` twice"))
        };
        let twice = rows.names.iter().enumerate().find_map(twice);
        Ok(twice.map_or(Ok(rows), Err))
    }

    /// Rows of a text without column names, whose cells are text.
    pub(super) fn named(reader: R, separator: u8, names: Vec<String>) -> Self {
        Self { reader, separator, line: 1, names, header: Vec::new(), is_text: true }
    }

    /// The line of column names as it stands.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// The next record that is not blank, without its line end. Of `\r\n`, `\r` ends the record, and `\n` ends a
    /// blank one.
    pub(super) fn next_row(&mut self) -> io::Result<Option<RawText>> {
        loop {
            let (line, record) = (self.line, self.next_record()?);
            let Some((bytes, length)) = record else { return Ok(None) };
            if length > MAX_ROW_BYTES || !bytes.trim_ascii().is_empty() {
                return Ok(Some(RawText { bytes, length, place: Place::Line(line), before: Vec::new() }));
            }
        }
    }

    /// Reads up to a line end that is in no quotes; what exceeds the limit is read and dropped.
    fn next_record(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let (mut record, mut length, mut is_read) = (Vec::new(), 0, false);
        let mut quotes = Quotes::default();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(is_read.then_some((record, length)));
            }
            is_read = true;
            let end = buffer.iter().position(|&byte| {
                self.line += u64::from(byte == b'\n');
                quotes.ends_record(byte, self.separator)
            });
            let part = &buffer[..end.unwrap_or(buffer.len())];
            length += part.len();
            if length <= MAX_ROW_BYTES {
                record.extend_from_slice(part);
            } else {
                record = Vec::new();
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some((record, length)));
            }
        }
    }

    /// The cells of a record by their columns.
    pub(super) fn fields(&self, row: &RawText) -> Result<Map<String, Value>, RowFault> {
        row.text()?;
        let is_first = matches!(row.place, Place::Line(1));
        let bytes = if is_first { without_marks(&row.bytes) } else { &row.bytes };
        let cells = cells(bytes, self.separator).map_err(|reason| row.malformed(reason))?;
        if cells.len() != self.names.len() {
            let (expected, found) = (self.names.len(), cells.len());
            let why = if self.header.is_empty() { "" } else { ", as the first line has" };
            return Err(row.malformed(format!("expected {expected} columns{why}, found {found}")));
        }
        let value = |cell: String| match turns_in_text(&cell) {
            _ if self.is_text => Value::from(cell),
            Some(turns) => Value::from(turns),
            None if MISSING.contains(&cell.as_str()) => Value::Null,
            None => Value::from(cell),
        };
        Ok(self.names.iter().cloned().zip(cells.into_iter().map(value)).collect())
    }
}

/// Whether a line end ends a record.
#[derive(Debug, Default, Clone, Copy)]
enum Quotes {
    /// At the beginning of a cell.
    #[default]
    Before,
    Outside,
    Inside,
    /// After a quote inside of quotes: the end of them, or the first of two.
    After,
}

impl Quotes {
    /// Takes the next byte and says whether it ends the record.
    fn ends_record(&mut self, byte: u8, separator: u8) -> bool {
        match (*self, byte) {
            (Self::Inside, b'"') => *self = Self::After,
            (Self::Inside, _) => {}
            (Self::Before | Self::After, b'"') => *self = Self::Inside,
            (_, b'\n' | b'\r') => return true,
            (_, _) if byte == separator => *self = Self::Before,
            _ => *self = Self::Outside,
        }
        false
    }
}

/// The cells of one record.
fn cells(record: &[u8], separator: u8) -> Result<Vec<String>, String> {
    let mut quotes = Quotes::default();
    for &byte in record {
        quotes.ends_record(byte, separator);
    }
    if matches!(quotes, Quotes::Inside) {
        return Err("expected the end of a quoted cell, found the end of the file".to_owned());
    }
    let mut text = vec![0; record.len() + 1];
    let n_cells = record.split(|&byte| byte == separator).count();
    let mut ends = vec![0; n_cells + 1];
    let mut reader = csv_core::ReaderBuilder::new().delimiter(separator).build();
    let (mut input, mut n_text, mut n_ends) = (record, 0, 0);
    loop {
        let (result, read, written, ended) =
            reader.read_record(input, &mut text[n_text..], &mut ends[n_ends..]);
        (input, n_text, n_ends) = (&input[read..], n_text + written, n_ends + ended);
        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::Record | ReadRecordResult::End => break,
            // Both are as large as they can have to be.
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                return Err("the record cannot be split into cells".to_owned());
            }
        }
    }
    let starts = std::iter::once(0).chain(ends[..n_ends].iter().copied());
    let cell = |(start, end): (usize, &usize)| String::from_utf8(text[start..*end].to_vec());
    let cells = starts.zip(&ends[..n_ends]).map(cell).collect::<Result<_, _>>();
    cells.map_err(|error| format!("expected UTF-8: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    type Row = Result<Map<String, Value>, String>;

    /// The names of the columns, and the rows.
    fn read(text: &str, separator: u8) -> (Vec<String>, Vec<Row>) {
        let reader = BufReader::with_capacity(3, text.as_bytes());
        let mut rows = CsvRows::open(reader, separator).unwrap().unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            found.push(rows.fields(&row).map_err(|fault| fault.reason));
        }
        (rows.names.clone(), found)
    }

    fn texts(row: &Row) -> Vec<&str> {
        row.as_ref().unwrap().values().map(|value| value.as_str().unwrap()).collect()
    }

    #[test]
    fn without_column_names_cells_are_text() {
        let text = "\u{feff}1 + 1,2,None,\"[3, \"\"4\"\"]\"\na,b\n";
        let names = ["q", "A", "B", "C"].map(str::to_owned).to_vec();
        let mut rows = CsvRows::named(BufReader::new(text.as_bytes()), b',', names);
        let first = rows.next_row().unwrap().unwrap();
        let expected = serde_json::json!({"q": "1 + 1", "A": "2", "B": "None", "C": "[3, \"4\"]"});
        assert_eq!(rows.fields(&first).ok().map(Value::Object), Some(expected));
        let second = rows.next_row().unwrap().unwrap();
        assert!(rows.fields(&second).unwrap_err().reason.contains("expected 4 columns, found 2"));
    }

    #[test]
    fn cells_are_text_with_line_ends_separators_and_quotes() {
        let text = "\u{feff}id,question,answer\r\n1,\"a, \"\"b\"\"\n\nc\",4\r\n\r\n\"2\",,\"\"\n";
        let (names, rows) = read(text, b',');
        assert_eq!(names, ["id", "question", "answer"]);
        assert_eq!(rows.len(), 2);
        assert_eq!(texts(&rows[0]), ["1", "a, \"b\"\n\nc", "4"]);
        assert_eq!(texts(&rows[1]), ["2", "", ""]);
        assert_eq!(texts(&read("a\tb\n\"x\ty\"\t5 \"6\"", b'\t').1[0]), ["x\ty", "5 \"6\""]);
        assert_eq!(read("a;b\r1;2\r3;4", b';').1.len(), 2);
    }

    #[test]
    fn turns_are_json_in_a_cell() {
        let text = "a,b\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"q\"\"}]\",\"[{\"\"x\"\": 1}]\"";
        let (_, rows) = read(text, b',');
        let row = rows[0].as_ref().unwrap();
        assert_eq!(row["a"], serde_json::json!([{"role": "user", "content": "q"}]));
        assert_eq!(row["b"], "[{\"x\": 1}]");
    }

    /// `datasets.load_dataset("csv", ..)` gives the same values. A word with a blank beside it is text.
    #[test]
    fn words_of_missing_cells_are_null() {
        let (_, rows) = read("a,b,c,d\nNA,\"null\",nan,None\n na,n.a.,none,NA \n", b',');
        assert!(rows[0].as_ref().unwrap().values().all(Value::is_null), "{rows:?}");
        assert_eq!(texts(&rows[1]), [" na", "n.a.", "none", "NA "]);
    }

    #[test]
    fn damage_costs_a_row() {
        let (_, rows) = read("a,b\n1\n\"x\ny\",2\n1,2,3\n4,\"5\n6,7", b',');
        assert_eq!(
            rows[0].as_ref().unwrap_err(),
            "line 2: expected 2 columns, as the first line has, found 1"
        );
        assert_eq!(texts(&rows[1]), ["x\ny", "2"]);
        assert_eq!(
            rows[2].as_ref().unwrap_err(),
            "line 5: expected 2 columns, as the first line has, found 3"
        );
        assert!(rows[3].as_ref().unwrap_err().starts_with("line 6: expected the end of a quoted cell"));
    }

    #[test]
    fn names_have_to_differ() {
        let reason = CsvRows::open(&b"a,b,a\n"[..], b',').unwrap().err().unwrap();
        assert!(reason.contains("`a` twice"), "{reason}");
        assert!(
            CsvRows::open(&b",a,\n1,2,3\n"[..], b',').unwrap().is_ok(),
            "pandas writes its index without a name"
        );
    }
}
