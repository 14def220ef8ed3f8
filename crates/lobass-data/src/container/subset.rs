//! Writing some rows of a file to a new one, in the same container, byte for byte.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use arrow_array::BooleanArray;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::compression::TextWriter;
use super::json_array::{Item, JsonArray};
use super::json_lines::JsonLines;
use super::parquet::{open, parquet_error};
use super::rows::array_error;
use super::{Compression, Container, MAX_ROW_BYTES, RawText};
use crate::Error;

/// What [`write_subset`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubsetReport {
    /// Rows in the input.
    pub n_read: u64,
    /// Rows in the output.
    pub n_written: u64,
}

/// Copies the rows for which `keep` says so, by their 0-based position, in the order of the input.
///
/// Every kept row is copied as it stands: the text of JSON rows is not parsed, and Parquet keeps its schema and its
/// metadata. The output appears under its name only when it is complete.
///
/// # Errors
/// [`Error::Io`], [`Error::Container`], [`Error::Parquet`], or [`Error::Arrow`] for what cannot be read or written;
/// [`Error::OutputName`] if the output is named like another container.
pub fn write_subset(
    input: &Path,
    container: Container,
    output: &Path,
    keep: impl FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    check_name(input, container, output)?;
    if let Some(parent) = output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs_err::create_dir_all(parent)?;
    }
    let partial = partial_name(output);
    let file = fs_err::File::create(&partial)?;
    let written = match container {
        Container::JsonLines(compression) => copy_lines(input, compression, file, keep),
        Container::JsonArray(compression) => copy_array(input, compression, file, keep),
        Container::Parquet => copy_parquet(input, file, keep),
    };
    match written {
        Ok(report) => {
            fs_err::rename(&partial, output)?;
            Ok(report)
        }
        Err(error) => {
            // The error matters more than whether the remains could be removed.
            let _ = fs_err::remove_file(&partial);
            Err(error)
        }
    }
}

fn partial_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Refuses `selected.parquet` for JSON lines and the like; names without a known ending are free.
fn check_name(input: &Path, container: Container, output: &Path) -> Result<(), Error> {
    let name = output.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let compression = match &name[stem.len()..] {
        ".gz" => Compression::Gzip,
        ".zst" => Compression::Zstd,
        _ => Compression::None,
    };
    let ending = |expected: &str| Path::new(stem).extension().is_some_and(|found| found == expected);
    let fits = match container {
        // JSON lines are often called `.json`.
        Container::JsonLines(own) => !ending("parquet") && own == compression,
        Container::JsonArray(own) => !ending("parquet") && !ending("jsonl") && own == compression,
        Container::Parquet => !ending("json") && !ending("jsonl") && compression == Compression::None,
    };
    if fits {
        return Ok(());
    }
    Err(Error::OutputName { path: output.to_owned(), input: input.to_owned(), expected: container.suffix() })
}

fn copy_lines(
    input: &Path,
    compression: Compression,
    file: fs_err::File,
    mut keep: impl FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let mut lines = JsonLines::new(compression.open(input)?);
    let mut writer = compression.create(file)?;
    let mut report = SubsetReport::default();
    while let Some(row) = lines.next_row()? {
        if keep(report.n_read) {
            write_all(&mut writer, &[whole(&row, input)?, b"\n"])?;
            report.n_written += 1;
        }
        report.n_read += 1;
    }
    writer.finish()?;
    Ok(report)
}

fn copy_array(
    input: &Path,
    compression: Compression,
    file: fs_err::File,
    mut keep: impl FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let mut array = JsonArray::new(compression.open(input)?);
    let mut writer = compression.create(file)?;
    let mut report = SubsetReport::default();
    writer.write_all(b"[")?;
    loop {
        match array.next_item().map_err(|error| array_error(input, error))? {
            Item::Element(row) => {
                if keep(report.n_read) {
                    let separator: &[u8] = if report.n_written > 0 { b"," } else { b"" };
                    write_all(&mut writer, &[separator, &row.before, whole(&row, input)?])?;
                    report.n_written += 1;
                }
                report.n_read += 1;
            }
            Item::End { before, after } => {
                write_all(&mut writer, &[&before, b"]", &after])?;
                break;
            }
        }
    }
    writer.finish()?;
    Ok(report)
}

/// The text of a row, which is all of it unless it was too long to keep.
fn whole<'a>(row: &'a RawText, input: &Path) -> Result<&'a [u8], Error> {
    if row.length <= MAX_ROW_BYTES {
        return Ok(&row.bytes);
    }
    let reason = format!("{}: {} bytes, above the limit of {MAX_ROW_BYTES} for one row", row.place, row.length);
    Err(Error::Container { path: input.to_owned(), reason })
}

fn write_all(writer: &mut TextWriter, parts: &[&[u8]]) -> std::io::Result<()> {
    parts.iter().try_for_each(|part| writer.write_all(part))
}

fn copy_parquet(
    input: &Path,
    file: fs_err::File,
    mut keep: impl FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let parquet = |source| parquet_error(input, source);
    let arrow = |source| Error::Arrow { path: input.to_owned(), source };
    let reader = open(input)?;
    let properties = properties_like(&reader);
    let mut writer = ArrowWriter::try_new(file, reader.schema().clone(), Some(properties)).map_err(parquet)?;
    let mut report = SubsetReport::default();
    for batch in reader.build().map_err(parquet)? {
        let batch = batch.map_err(arrow)?;
        let kept: BooleanArray = (report.n_read..).take(batch.num_rows()).map(|row| Some(keep(row))).collect();
        report.n_read += batch.num_rows() as u64;
        report.n_written += kept.true_count() as u64;
        let batch = arrow_select::filter::filter_record_batch(&batch, &kept).map_err(arrow)?;
        writer.write(&batch).map_err(parquet)?;
    }
    let file = writer.into_inner().map_err(parquet)?;
    file.sync_all()?;
    Ok(report)
}

/// The compression of the input's first column, and its key-value metadata.
fn properties_like(reader: &ParquetRecordBatchReaderBuilder<std::fs::File>) -> WriterProperties {
    let metadata = reader.metadata();
    let mut properties = WriterProperties::builder();
    if let Some(column) = metadata.row_groups().first().and_then(|group| group.columns().first()) {
        properties = properties.set_compression(column.compression());
    }
    // The Arrow schema is written anew; everything else (pandas, huggingface) is the owner's.
    let kept = metadata.file_metadata().key_value_metadata().map(|pairs| {
        pairs.iter().filter(|pair| pair.key != "ARROW:schema").cloned().collect::<Vec<_>>()
    });
    properties.set_key_value_metadata(kept).build()
}
