//! Rows of texts, copied as they stand.

use std::io::Write as _;

use super::super::compression::TextWriter;
use super::super::json_array::{Item, JsonArray};
use super::super::rows::{TextRows, array_error, open_table, unreadable};
use super::super::text::RawText;
use super::super::{Compression, Container, MAX_ROW_BYTES, TableCells};
use super::SubsetReport;
use crate::Error;
use crate::original::Original;

/// Copies rows of a text.
pub(super) fn copy(
    input: &Original,
    container: &Container,
    file: fs_err::File,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let mut writer = container.compression().create(file)?;
    let report = match TextRows::open(input, container)? {
        TextRows::Array(array) => copy_array(input, array, &mut writer, keep)?,
        TextRows::Lines(mut lines) => copy_rows(input, || lines.next_row(), &mut writer, keep)?,
        TextRows::Values(mut values) => copy_rows(input, || values.next_row(), &mut writer, keep)?,
        TextRows::Csv(mut rows) => {
            write_all(&mut writer, &[rows.header(), b"\n"])?;
            copy_rows(input, || rows.next_row(), &mut writer, keep)?
        }
    };
    writer.finish()?;
    Ok(report)
}

/// Copies rows of a table of JSON.
pub(super) fn copy_table(
    input: &Original,
    cells: TableCells,
    compression: Compression,
    file: fs_err::File,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let table = open_table(input, cells, compression)?;
    let mut writer = compression.create(file)?;
    let report = table.write(&mut writer, keep)?;
    writer.finish()?;
    Ok(report)
}

/// Rows that stand in lines; of rows over several lines each ends with one.
fn copy_rows(
    input: &Original,
    mut next_row: impl FnMut() -> std::io::Result<Option<RawText>>,
    writer: &mut TextWriter,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let mut report = SubsetReport::default();
    while let Some(row) = next_row().map_err(|error| unreadable(input, &error))? {
        if report.count(keep) {
            write_all(writer, &[whole(&row, input)?, b"\n"])?;
        }
    }
    Ok(report)
}

/// Elements of an array, with all that stands around them.
fn copy_array(
    input: &Original,
    mut array: JsonArray<impl std::io::BufRead>,
    writer: &mut TextWriter,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let fail = |error| array_error(input, error);
    let mut report = SubsetReport::default();
    let mut around = Around { writer, written: Ok(()) };
    array.open(&mut |piece| around.write(piece)).map_err(fail)?;
    around.written?;
    loop {
        match array.next_item().map_err(fail)? {
            Item::Element(row) => {
                let separator: &[u8] = if report.n_written > 0 { b"," } else { b"" };
                if report.count(keep) {
                    write_all(writer, &[separator, &row.before, whole(&row, input)?])?;
                }
            }
            Item::End { before } => {
                write_all(writer, &[&before, b"]"])?;
                break;
            }
        }
    }
    let mut around = Around { writer, written: Ok(()) };
    array.rest(&mut |piece| around.write(piece)).map_err(fail)?;
    around.written?;
    Ok(report)
}

/// Writes what stands around an array, piece by piece.
struct Around<'a> {
    writer: &'a mut TextWriter,
    written: std::io::Result<()>,
}

impl Around<'_> {
    fn write(&mut self, piece: &[u8]) {
        if self.written.is_ok() {
            self.written = self.writer.write_all(piece);
        }
    }
}

/// The text of a row, which is all of it unless it was too long to keep.
fn whole<'a>(row: &'a RawText, input: &Original) -> Result<&'a [u8], Error> {
    if row.length <= MAX_ROW_BYTES {
        return Ok(&row.bytes);
    }
    let reason =
        format!("{}: {} bytes, above the limit of {MAX_ROW_BYTES} for one row", row.place, row.length);
    Err(Error::Container { path: input.path().to_owned(), reason })
}

fn write_all(writer: &mut TextWriter, parts: &[&[u8]]) -> std::io::Result<()> {
    parts.iter().try_for_each(|part| writer.write_all(part))
}
