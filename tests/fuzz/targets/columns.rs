//! Columns of nested types, as Parquet and Arrow have them: structs, lists of structs, maps, dictionaries, views, runs,
//! large and fixed-size text and lists, bytes, and text that is marked as JSON.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, FixedSizeBinaryBuilder, Int32Builder, LargeStringBuilder, ListBuilder, MapBuilder,
    StringBuilder, StringDictionaryBuilder, StringRunBuilder, StringViewBuilder,
};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float64Array, Int64Array, LargeListArray, ListArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::rows::write_and_read;
use super::{Target, unpack_demo};
use crate::mutate::Kind;

/// Rows of each file.
const ROWS: usize = 4;
/// A byte for each row.
const DIGITS: [u8; ROWS] = *b"0123";

fn texts(words: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(words.to_vec()))
}

fn structs(columns: Vec<(&str, ArrayRef)>) -> StructArray {
    let fields: Fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    StructArray::new(fields, columns.into_iter().map(|(_, column)| column).collect(), None)
}

fn list_of(lengths: &[usize], values: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), values, nulls))
}

/// Two turns for each row, the second with a call and parts that are mostly null.
fn messages() -> ArrayRef {
    let pairs = |one, other| -> Vec<Option<&'static str>> { [one, other].repeat(ROWS) };
    let arguments = structs(vec![
        ("city", texts(&[Some("Paris"), None, Some(""), Some("Rome")])),
        ("days", Arc::new(Int64Array::from(vec![Some(3), None, Some(-1), Some(1)]))),
    ]);
    let function = structs(vec![
        ("name", texts(&[Some("f"), Some("g"), None, Some("f")])),
        ("arguments", Arc::new(arguments)),
    ]);
    let calls = structs(vec![("type", texts(&[Some("function"); 4])), ("function", Arc::new(function))]);
    let calls = list_of(&[0, 1, 0, 1, 0, 1, 0, 1], Arc::new(calls), None);
    let weights = Float64Array::from([None, Some(1.0)].repeat(ROWS));
    let trained = BooleanArray::from([Some(false), Some(true)].repeat(ROWS));
    let turn = structs(vec![
        ("role", texts(&pairs(Some("user"), Some("assistant")))),
        ("content", texts(&pairs(Some("say it"), Some("it was done")))),
        ("tool_calls", calls),
        ("weight", Arc::new(weights)),
        ("train", Arc::new(trained)),
    ]);
    list_of(&[2, 2, 2, 2], Arc::new(turn), Some(NullBuffer::from(vec![true, true, false, true])))
}

/// Turns with content as parts, in a large list of structs.
fn parts() -> ArrayRef {
    let part = structs(vec![
        ("type", texts(&[Some("text"); 2 * ROWS])),
        ("text", texts(&[Some("a part"), None].repeat(ROWS))),
    ]);
    let content = list_of(&[1; 2 * ROWS], Arc::new(part), None);
    let turn =
        structs(vec![("role", texts(&[Some("user"), Some("assistant")].repeat(ROWS))), ("content", content)]);
    let field = Arc::new(Field::new("item", turn.data_type().clone(), true));
    Arc::new(LargeListArray::new(field, OffsetBuffer::from_lengths([2; ROWS]), Arc::new(turn), None))
}

fn map() -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..i32::try_from(ROWS).unwrap() {
        for at in 0..row {
            builder.keys().append_value(format!("key {at}"));
            builder.values().append_option((at > 0).then_some(at));
        }
        builder.append(row != 1).unwrap();
    }
    Arc::new(builder.finish())
}

fn of_rows<B>(mut builder: B, mut append: impl FnMut(&mut B, usize)) -> B {
    (0..ROWS).for_each(|row| append(&mut builder, row));
    builder
}

/// Columns that both kinds of files hold.
fn columns() -> Vec<(Field, ArrayRef)> {
    let named = |name: &str, column: ArrayRef| (Field::new(name, column.data_type().clone(), true), column);
    let word = |row: usize| format!("a text of some words, number {row}");
    let dictionary = of_rows(StringDictionaryBuilder::<Int8Type>::new(), |builder, row| {
        builder.append_value(["a", "b"][row % 2]);
    });
    let large = of_rows(LargeStringBuilder::new(), |builder, row| builder.append_value(word(row)));
    let bytes = of_rows(BinaryBuilder::new(), |builder, row| builder.append_value([b'a', 0xC3, DIGITS[row]]));
    let fixed = of_rows(FixedSizeBinaryBuilder::new(2), |builder, row| {
        builder.append_value([b'x', DIGITS[row]]).unwrap();
    });
    let lists = of_rows(ListBuilder::new(ListBuilder::new(StringBuilder::new())), |builder, row| {
        for at in 0..row {
            builder.values().values().append_value(word(at));
            builder.values().append(at != 1);
        }
        builder.append(true);
    });
    let pairs = Int64Array::from(vec![1; 2 * ROWS]);
    let pairs = FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Int64, true)),
        2,
        Arc::new(pairs),
        None,
    );
    let json = texts(&[Some("[{\"a\": 1e999}]"), Some("\"text\""), None, Some("{")]);
    let marked = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
    vec![
        named("kind", Arc::new({ dictionary }.finish())),
        named("note", Arc::new({ large }.finish())),
        named("raw", Arc::new({ bytes }.finish())),
        named("code", Arc::new({ fixed }.finish())),
        named("passages", Arc::new({ lists }.finish())),
        named("pairs", Arc::new(pairs)),
        named("meta", map()),
        (Field::new("mixed", DataType::Utf8, true).with_metadata(marked), json),
    ]
}

/// Columns that Parquet does not hold as they are.
fn arrow_columns() -> Vec<(Field, ArrayRef)> {
    let named = |name: &str, column: ArrayRef| (Field::new(name, column.data_type().clone(), true), column);
    let views = of_rows(StringViewBuilder::new(), |builder, row| {
        builder.append_value(["short", "a text that is too long for a view of sixteen bytes"][row % 2]);
    });
    let runs = of_rows(StringRunBuilder::<Int32Type>::new(), |builder, row| {
        builder.append_value(["one", "two"][row / 2]);
    });
    vec![named("view", Arc::new({ views }.finish())), named("run", Arc::new({ runs }.finish()))]
}

fn batch(first: (&str, ArrayRef), more: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (name, column) = first;
    let first = (Field::new(name, column.data_type().clone(), true), column);
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = std::iter::once(first).chain(more).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Small files, so that most damage is in values, offsets, and levels: with all columns, and with turns alone.
fn batches(more: &dyn Fn() -> Vec<(Field, ArrayRef)>) -> Vec<RecordBatch> {
    vec![
        batch(("messages", messages()), more()),
        batch(("messages", messages()), Vec::new()),
        batch(("conversation", parts()), Vec::new()),
        batch(("prompt", texts(&[Some("q"); ROWS])), {
            let mut columns = more();
            columns.push((Field::new("completion", DataType::Utf8, true), texts(&[Some("a"); ROWS])));
            columns
        }),
    ]
}

fn parquet(batch: &RecordBatch, compression: Compression, has_dictionary: bool) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(has_dictionary)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(super) const PARQUET: Target = Target {
    name: "parquet-columns",
    kind: Kind::Bytes,
    prepare: |dir| {
        unpack_demo(dir);
        let of = |batch: RecordBatch| {
            [
                parquet(&batch, Compression::UNCOMPRESSED, false),
                parquet(&batch, Compression::UNCOMPRESSED, true),
                parquet(&batch, Compression::SNAPPY, true),
            ]
        };
        batches(&columns).into_iter().flat_map(of).collect()
    },
    run: |dir, input| write_and_read(dir, "rows.parquet", input),
};

fn file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into_inner()
}

pub(super) const ARROW: Target = Target {
    name: "arrow-columns",
    kind: Kind::Bytes,
    prepare: |dir| {
        unpack_demo(dir);
        let all = || [columns(), arrow_columns()].concat();
        batches(&all).iter().flat_map(|batch| [file(batch), stream(batch)]).collect()
    },
    run: |dir, input| write_and_read(dir, "rows.arrow", input),
};
