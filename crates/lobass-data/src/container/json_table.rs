//! A JSON object with the cells of each column, as `to_json` of pandas writes it: `{"a": [1, 2], "b": [3, 4]}`, or with
//! the label of its row before each cell, `{"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}}`.
//!
//! The cells of a row are far apart, so the whole text is in memory.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use super::cursor::Cursor;
use super::rows::RawRow;
use super::text::check_size;
use super::{SubsetReport, TableCells};
use crate::{RowFault, json};

/// The rows of a table.
pub(super) struct JsonTable {
    cells: TableCells,
    columns: Vec<Column>,
    n_rows: usize,
    next: usize,
}

struct Column {
    name: String,
    /// The name as it stands in the file, with its quotes.
    quoted: Vec<u8>,
    /// By row; `None` in a column that does not have the row's label.
    cells: Vec<Option<Cell>>,
}

struct Cell {
    /// The row's label as it stands in the file, if cells have labels.
    label: Vec<u8>,
    /// The text, or nothing if it is too long to be kept.
    text: Vec<u8>,
    length: usize,
}

impl JsonTable {
    /// Reads a table to its end.
    ///
    /// # Errors
    /// Of the reader; inside, what is wrong with the text.
    pub(super) fn read(reader: impl BufRead, cells: TableCells) -> io::Result<Result<Self, String>> {
        let mut cursor = Cursor::new(reader);
        cursor.byte_order_marks()?;
        cursor.white_space()?;
        let mut columns = Vec::new();
        let read = each(&mut cursor, *b"{}", &mut |cursor| {
            let Some(quoted) = key(cursor)? else { return Ok(false) };
            let Ok(name) = serde_json::from_slice(&quoted) else { return Ok(false) };
            let Some(found) = column(cursor, cells)? else { return Ok(false) };
            columns.push(Column { name, quoted, cells: found.into_iter().map(Some).collect() });
            Ok(true)
        })?;
        if !read {
            let (at, found) = (cursor.offset(), cursor.found()?);
            return Ok(Err(format!("the JSON object is damaged at byte {at}, before {found}")));
        }
        Ok(Self::of(columns, cells))
    }

    fn of(mut columns: Vec<Column>, cells: TableCells) -> Result<Self, String> {
        if cells == TableCells::Labels {
            align(&mut columns);
        }
        let n_rows = columns.first().map_or(0, |column| column.cells.len());
        match columns.iter().find(|column| column.cells.len() != n_rows) {
            None => Ok(Self { cells, columns, n_rows, next: 0 }),
            Some(other) => Err(format!(
                "expected as many cells in each column, found {n_rows} in `{}` and {} in `{}`",
                columns[0].name,
                other.cells.len(),
                other.name
            )),
        }
    }

    pub(super) fn next_row(&mut self) -> Option<RawRow> {
        let at = self.next;
        if at >= self.n_rows {
            return None;
        }
        self.next += 1;
        let cells =
            || self.columns.iter().filter_map(|column| Some((&column.name, column.cells[at].as_ref()?)));
        let n_bytes = cells().map(|(_, cell)| cell.length as u64).sum();
        let field = |(name, cell): (&String, &Cell)| {
            let text = String::from_utf8_lossy(&cell.text);
            let value = json::parse(&text).map_err(|error| {
                RowFault::malformed(format!("row {at}: column `{name}`: not JSON: {error}"))
            })?;
            Ok((name.clone(), json::finite(value)))
        };
        let fields = check_size(n_bytes, "the row").and_then(|()| cells().map(field).collect());
        Some(RawRow { fields, n_bytes })
    }

    /// Writes the same table with some of its rows.
    pub(super) fn write(
        &self,
        writer: &mut impl Write,
        keep: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<SubsetReport> {
        let mut report = SubsetReport::default();
        let kept: Vec<bool> = (0..self.n_rows).map(|_| report.count(keep)).collect();
        let (open, close): (&[u8], &[u8]) = match self.cells {
            TableCells::Lists => (b"[", b"]"),
            TableCells::Labels => (b"{", b"}"),
        };
        let mut before: &[u8] = b"{";
        for column in &self.columns {
            for part in [before, &column.quoted, b": ", open] {
                writer.write_all(part)?;
            }
            before = b", ";
            let cells =
                column.cells.iter().zip(&kept).filter_map(|(cell, kept)| cell.as_ref().filter(|_| *kept));
            for (at, cell) in cells.enumerate() {
                let between: &[u8] = if at > 0 { b", " } else { b"" };
                let colon: &[u8] = if cell.label.is_empty() { b"" } else { b": " };
                for part in [between, &cell.label, colon, &cell.text] {
                    writer.write_all(part)?;
                }
            }
            writer.write_all(close)?;
        }
        writer.write_all(b"}\n")?;
        Ok(report)
    }
}

/// Puts the cells of every column in the order of the labels of all columns.
fn align(columns: &mut [Column]) {
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for cell in columns.iter().flat_map(|column| column.cells.iter().flatten()) {
        let next = places.len();
        places.entry(cell.label.clone()).or_insert(next);
    }
    for column in columns {
        let mut cells: Vec<Option<Cell>> = (0..places.len()).map(|_| None).collect();
        for cell in column.cells.drain(..).flatten() {
            let at = places[&cell.label];
            cells[at] = Some(cell);
        }
        column.cells = cells;
    }
}

/// A key with its colon.
fn key(cursor: &mut Cursor<impl BufRead>) -> io::Result<Option<Vec<u8>>> {
    let Some(key) = cursor.value()? else { return Ok(None) };
    cursor.white_space()?;
    if cursor.peek()? != Some(b':') {
        return Ok(None);
    }
    cursor.advance(1);
    cursor.white_space()?;
    Ok(Some(key.bytes))
}

fn column(cursor: &mut Cursor<impl BufRead>, kind: TableCells) -> io::Result<Option<Vec<Cell>>> {
    let mut cells = Vec::new();
    let ends = match kind {
        TableCells::Lists => *b"[]",
        TableCells::Labels => *b"{}",
    };
    let read = each(cursor, ends, &mut |cursor| {
        let label = match kind {
            TableCells::Lists => Some(Vec::new()),
            TableCells::Labels => key(cursor)?,
        };
        let (Some(label), Some(value)) = (label, cursor.value()?) else { return Ok(false) };
        cells.push(Cell { label, text: value.bytes, length: value.length });
        Ok(true)
    })?;
    Ok(read.then_some(cells))
}

/// Reads what stands between two brackets, item by item; whether all of it could be read.
fn each<R: BufRead>(
    cursor: &mut Cursor<R>,
    [open, close]: [u8; 2],
    item: &mut dyn FnMut(&mut Cursor<R>) -> io::Result<bool>,
) -> io::Result<bool> {
    if cursor.peek()? != Some(open) {
        return Ok(false);
    }
    cursor.advance(1);
    cursor.white_space()?;
    loop {
        if cursor.peek()? == Some(close) {
            cursor.advance(1);
            return Ok(true);
        }
        if cursor.peek()?.is_none() || !item(cursor)? {
            return Ok(false);
        }
        cursor.white_space()?;
        if cursor.peek()? == Some(b',') {
            cursor.advance(1);
            cursor.white_space()?;
        } else if cursor.peek()? != Some(close) {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str, cells: TableCells) -> Result<JsonTable, String> {
        JsonTable::read(BufReader::with_capacity(3, text.as_bytes()), cells).unwrap()
    }

    fn rows(mut table: JsonTable) -> Vec<Result<Value, String>> {
        let row = |row: RawRow| row.fields.map(Value::from).map_err(|fault| fault.reason);
        std::iter::from_fn(|| table.next_row()).map(row).collect()
    }

    fn written(table: &JsonTable, kept: &[u64]) -> String {
        let mut bytes = Vec::new();
        table.write(&mut bytes, &mut |row| kept.contains(&row)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_list_for_each_column() {
        let text =
            "\u{feff}{\"a\": [\"x\", \"y]\", null],\n \"b\" : [1e400, NaN,123456789012345678901234]}\n";
        let table = read(text, TableCells::Lists).unwrap();
        assert_eq!(
            written(&table, &[0, 2]),
            "{\"a\": [\"x\", null], \"b\": [1e400, 123456789012345678901234]}\n"
        );
        let rows = rows(table);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].as_ref().unwrap()["a"], "x");
        assert_eq!(rows[1].as_ref().unwrap()["b"], Value::Null, "NaN is no value of a column");
        let reason = read("{\"a\": [1], \"b\": []}", TableCells::Lists).err().unwrap();
        assert!(reason.contains("1 in `a` and 0 in `b`"), "{reason}");
        let reason = read("{\"a\": [1, 2", TableCells::Lists).err().unwrap();
        assert!(reason.contains("damaged at byte 11"), "{reason}");
    }

    #[test]
    fn a_label_before_each_cell() {
        let text = r#"{"a": {"7": "x", "9": {"b": 1}}, "b": {"9": "z", "7": "y", "8": 1}}"#;
        let table = read(text, TableCells::Labels).unwrap();
        assert_eq!(
            written(&table, &[1, 2]),
            "{\"a\": {\"9\": {\"b\": 1}}, \"b\": {\"9\": \"z\", \"8\": 1}}\n"
        );
        let expected = [json!({"a": "x", "b": "y"}), json!({"a": {"b": 1}, "b": "z"}), json!({"b": 1})];
        assert_eq!(rows(table).into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn damage_costs_a_row() {
        let found = rows(read("{\"a\": [x, 1]}", TableCells::Lists).unwrap());
        assert!(found[0].as_ref().unwrap_err().contains("row 0: column `a`: not JSON"), "{found:?}");
        assert_eq!(found[1], Ok(json!({"a": 1})));
    }
}
