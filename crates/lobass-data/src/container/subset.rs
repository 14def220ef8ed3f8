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

/// A name that no other process writes to.
fn partial_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
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
    if compression == Compression::None && !["json", "jsonl", "parquet"].into_iter().any(ending) {
        return Ok(());
    }
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
    let reason =
        format!("{}: {} bytes, above the limit of {MAX_ROW_BYTES} for one row", row.place, row.length);
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
    let mut writer =
        ArrowWriter::try_new(file, reader.schema().clone(), Some(properties)).map_err(parquet)?;
    let mut report = SubsetReport::default();
    for batch in reader.build().map_err(parquet)? {
        let batch = batch.map_err(arrow)?;
        let kept: BooleanArray =
            (report.n_read..).take(batch.num_rows()).map(|row| Some(keep(row))).collect();
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
    let kept = metadata
        .file_metadata()
        .key_value_metadata()
        .map(|pairs| pairs.iter().filter(|pair| pair.key != "ARROW:schema").cloned().collect::<Vec<_>>());
    properties.set_key_value_metadata(kept).build()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::container::Rows;

    const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

    fn write_text(path: &Path, compression: Compression, text: &str) {
        let mut writer = compression.create(fs_err::File::create(path).unwrap()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap();
    }

    fn read_text(path: &Path, compression: Compression) -> String {
        let mut text = String::new();
        compression.open(path).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn read_rows(path: &Path) -> Vec<Value> {
        let rows = Rows::open(path, Container::detect(path).unwrap(), None).unwrap();
        rows.map(|row| Value::Object(row.unwrap().fields.unwrap())).collect()
    }

    fn any_row() -> impl Strategy<Value = Value> {
        (
            any::<i64>(),
            ".*",
            prop::collection::vec(".*", 0..3),
            any::<f64>().prop_filter("JSON", |f| f.is_finite()),
        )
            .prop_map(
                |(id, text, list, number)| json!({"id": id, "te\"xt": text, "list": list, "number": number}),
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn chosen_text_rows_are_copied_byte_for_byte(
            rows in prop::collection::vec((any_row(), any::<bool>()), 1..8),
            compression in prop::sample::select(&COMPRESSIONS[..]),
            array: bool,
            pretty: bool,
        ) {
            let dir = tempfile::tempdir().unwrap();
            let (input, output) = (dir.path().join("in"), dir.path().join("out"));
            let texts: Vec<String> = rows
                .iter()
                .map(|(row, _)| if pretty && array { format!("{row:#}") } else { row.to_string() })
                .collect();
            let join = |texts: &[String]| if array { format!("[\n  {}\n]\n", texts.join(",\n  ")) } else { texts.iter().map(|text| format!("{text}\n")).collect() };
            write_text(&input, compression, &join(&texts));
            let container = Container::detect(&input).unwrap();
            prop_assert_eq!(
                container,
                if array { Container::JsonArray(compression) } else { Container::JsonLines(compression) }
            );

            let keep = |row: u64| rows[usize::try_from(row).unwrap()].1;
            let report = write_subset(&input, container, &output, keep).unwrap();
            let kept: Vec<String> =
                texts.iter().zip(&rows).filter(|(_, (_, keep))| *keep).map(|(text, _)| text.clone()).collect();
            prop_assert_eq!((report.n_read, report.n_written), (rows.len() as u64, kept.len() as u64));
            if kept.is_empty() {
                prop_assert_eq!(read_text(&output, compression).replace(char::is_whitespace, ""), if array { "[]" } else { "" });
            } else {
                prop_assert_eq!(read_text(&output, compression), join(&kept));
                let expected: Vec<Value> =
                    rows.iter().filter(|(_, keep)| *keep).map(|(row, _)| row.clone()).collect();
                prop_assert_eq!(read_rows(&output), expected);
            }
        }
    }

    #[test]
    fn line_ends_and_blank_lines_do_not_shift_rows() {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in.jsonl"), dir.path().join("out.jsonl"));
        fs_err::write(&input, "\u{feff}{\"a\": 1}\r\n\n  \n{\"a\": 2}\r\n{\"a\": 3}").unwrap();
        let container = Container::detect(&input).unwrap();
        write_subset(&input, container, &output, |row| row != 1).unwrap();
        assert_eq!(fs_err::read_to_string(&output).unwrap(), "{\"a\": 1}\r\n{\"a\": 3}\n");
    }

    #[test]
    fn a_name_that_lies_about_its_container_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("in.json");
        fs_err::write(&input, "[{}]").unwrap();
        for name in ["out.parquet", "out.jsonl", "out.json.gz"] {
            let output = dir.path().join(name);
            let error =
                write_subset(&input, Container::detect(&input).unwrap(), &output, |_| true).unwrap_err();
            assert!(error.to_string().contains("`.json`"), "{error}");
            assert!(!output.exists());
        }
    }

    #[test]
    fn a_damaged_input_leaves_no_output() {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in.json"), dir.path().join("out.json"));
        fs_err::write(&input, "[{}, {\"a\": ").unwrap();
        assert!(write_subset(&input, Container::detect(&input).unwrap(), &output, |_| true).is_err());
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
    }
}
