//! Parquet in and out: every column, type, and piece of metadata survives a selection.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Fields, Schema};
#[cfg(not(feature = "brotli"))]
use lobass_data::Error;
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool, Role};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
#[cfg(not(feature = "brotli"))]
use parquet::file::metadata::ParquetMetaDataWriter;
use parquet::file::properties::WriterProperties;

fn turns(conversations: &[&[(&str, &str)]]) -> ArrayRef {
    let fields: Fields =
        vec![Field::new("role", DataType::Utf8, true), Field::new("content", DataType::Utf8, true)].into();
    let mut list = ListBuilder::new(StructBuilder::from_fields(fields, 0));
    for conversation in conversations {
        for (role, content) in *conversation {
            let turn = list.values();
            turn.field_builder::<StringBuilder>(0).unwrap().append_value(role);
            turn.field_builder::<StringBuilder>(1).unwrap().append_value(content);
            turn.append(true);
        }
        list.append(true);
    }
    Arc::new(list.finish())
}

fn table() -> RecordBatch {
    let conversations: Vec<Vec<(&str, &str)>> = vec![
        vec![("user", "one?"), ("assistant", "1")],
        vec![("user", "two?"), ("assistant", "2")],
        vec![("user", "three?"), ("assistant", "3"), ("user", "four?"), ("assistant", "4")],
    ];
    let conversations: Vec<&[(&str, &str)]> = conversations.iter().map(Vec::as_slice).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]))),
        ("messages", turns(&conversations)),
        ("rating", Arc::new(Float64Array::from(vec![Some(4.5), None, Some(1.0)]))),
        ("count", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("blob", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..], b"", b"x"]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn write(path: &Path, batch: &RecordBatch) {
    write_as(path, batch, Compression::ZSTD(ZstdLevel::try_new(3).unwrap()));
}

fn write_as(path: &Path, batch: &RecordBatch, compression: Compression) {
    let metadata = HashMap::from([("owner".to_owned(), "somebody".to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(batch.schema().fields().clone(), metadata));
    let batch = batch.clone().with_schema(schema.clone()).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer =
        ArrowWriter::try_new(fs_err::File::create(path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(path: &Path) -> (Vec<RecordBatch>, Arc<Schema>, Compression) {
    let file = fs_err::File::open(path).unwrap().into_parts().0;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let compression = builder.metadata().row_group(0).column(0).compression();
    let schema = builder.schema().clone();
    (builder.build().unwrap().map(Result::unwrap).collect(), schema, compression)
}

#[test]
fn rows_become_examples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.parquet");
    write(&path, &table());
    let file = DataFile::open(&path, "chat", &FormatChoice::Auto).unwrap();
    assert!(file.to_string().ends_with("Parquet, messages (turns in `messages`)"), "{file}");
    let rows: Vec<_> = Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].key.as_str(), "a");
    assert_eq!(rows[1].key.as_str().len(), 32, "a row without id is named by its content");
    let last = rows[2].example.as_ref().unwrap();
    assert_eq!(last.messages.iter().filter(|turn| turn.role == Role::Assistant && turn.scored).count(), 2);
}

#[test]
fn a_column_can_be_read_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.parquet");
    write(&path, &table());
    let file = DataFile::open(&path, "chat", &FormatChoice::Auto).unwrap();
    let ratings: Vec<_> =
        file.column("rating").unwrap().into_iter().map(|v| v.and_then(|v| v.as_f64())).collect();
    assert_eq!(ratings, [Some(4.5), None, Some(1.0)]);
}

/// Compressions as other tools write them; brotli only where the feature reads it.
fn compressions() -> Vec<Compression> {
    let mut all = vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
    ];
    if cfg!(feature = "brotli") {
        all.push(Compression::BROTLI(BrotliLevel::default()));
    }
    all
}

#[test]
fn each_compression_is_read_and_written_back() {
    let dir = tempfile::tempdir().unwrap();
    for compression in compressions() {
        let (input, output) = (dir.path().join("chat.parquet"), dir.path().join("kept.parquet"));
        write_as(&input, &table(), compression);
        let file = DataFile::open(&input, "chat", &FormatChoice::Auto).unwrap();
        file.write_subset(&output, |row| row == 1).unwrap();
        let (batches, _, found) = read(&output);
        assert_eq!(
            (found, &batches[0]),
            (compression, &table().slice(1, 1).with_schema(batches[0].schema()).unwrap())
        );
    }
}

/// The bytes of a file whose columns claim to be compressed with brotli.
#[cfg(not(feature = "brotli"))]
fn claim_brotli(path: &Path) {
    let file = fs_err::File::open(path).unwrap().into_parts().0;
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().as_ref().clone();
    let mut builder = metadata.into_builder();
    for group in builder.take_row_groups() {
        let columns = group.columns().iter().cloned();
        let columns =
            columns.map(|c| c.into_builder().set_compression(Compression::BROTLI(BrotliLevel::default())));
        let columns = columns.map(|column| column.build().unwrap()).collect();
        builder = builder.add_row_group(group.into_builder().set_column_metadata(columns).build().unwrap());
    }
    let metadata = builder.build();
    let bytes = fs_err::read(path).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let mut out = bytes[..bytes.len() - 8 - footer].to_vec();
    ParquetMetaDataWriter::new(&mut out, &metadata).finish().unwrap();
    fs_err::write(path, out).unwrap();
}

#[test]
#[cfg(not(feature = "brotli"))]
fn a_compression_that_is_not_built_in_names_its_feature() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.parquet");
    write_as(&path, &table(), Compression::UNCOMPRESSED);
    claim_brotli(&path);
    let error = DataFile::open(&path, "chat", &FormatChoice::Auto).unwrap_err();
    assert!(matches!(&error, Error::Codec { codec: "brotli", feature: "brotli", .. }), "{error}");
    assert!(error.to_string().contains("chat.parquet"), "{error}");
}

#[test]
fn a_selection_keeps_columns_types_metadata_and_compression() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("chat.parquet"), dir.path().join("kept.parquet"));
    write(&input, &table());
    let file = DataFile::open(&input, "chat", &FormatChoice::Auto).unwrap();
    let report = file.write_subset(&output, |row| row != 1).unwrap();
    assert_eq!((report.n_read, report.n_written), (3, 2));

    let (before, schema_before, compression_before) = read(&input);
    let (after, schema_after, compression_after) = read(&output);
    assert_eq!(schema_after, schema_before);
    assert_eq!(schema_after.metadata()["owner"], "somebody");
    assert_eq!(compression_after, compression_before);
    let expected: Vec<_> = [0, 2].iter().map(|&row| before[0].slice(row, 1)).collect();
    let expected = arrow_select::concat::concat_batches(&schema_before, &expected).unwrap();
    assert_eq!(arrow_select::concat::concat_batches(&schema_after, &after).unwrap(), expected);
}

#[test]
fn pairs_are_read_and_written_back() {
    let side = |answers: [&'static str; 3]| {
        let whole = answers.map(|answer| [("user", "why?"), ("assistant", answer)]);
        turns(&whole.each_ref().map(|turns| &turns[..]))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("prompt", Arc::new(StringArray::from(vec!["why?"; 3]))),
        ("chosen", side(["a", "b", "c"])),
        ("rejected", side(["x", "y", "c"])),
        ("score_chosen", Arc::new(Float64Array::from(vec![9.0, 8.0, 7.0]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("pairs.parquet"), dir.path().join("kept.parquet"));
    write(&input, &batch);
    let file = DataFile::open(&input, "pairs", &FormatChoice::Auto).unwrap();
    assert!(
        file.to_string().ends_with("preference (whole conversations in `chosen` over `rejected`)"),
        "{file}"
    );
    let rows: Vec<_> = Pool::new(vec![file.clone()], Duplicates::Keep).rows().map(Result::unwrap).collect();
    let example = rows[1].example.as_ref().unwrap();
    let last = |turns: &[lobass_data::Message]| turns.last().unwrap().content.clone();
    assert_eq!((last(&example.messages), last(example.rejected.as_ref().unwrap())), ("b".into(), "y".into()));
    assert!(rows[2].example.as_ref().unwrap_err().reason.contains("the same response"));

    file.write_subset(&output, |row| row == 1).unwrap();
    let (after, schema, _) = read(&output);
    assert_eq!((&after[0], schema.fields()), (&read(&input).0[0].slice(1, 1), batch.schema().fields()));
}

#[test]
fn a_truncated_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("half.parquet");
    write(&path, &table());
    let bytes = fs_err::read(&path).unwrap();
    fs_err::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = DataFile::open(&path, "half", &FormatChoice::Auto).unwrap_err();
    assert!(error.to_string().contains("half.parquet"), "{error}");
}
