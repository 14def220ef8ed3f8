//! Rows that are stored in columns, Parquet and Arrow, against the same rows as JSON lines.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeListArray,
    Float32Array, Float64Array, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMillisecondArray, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Fields, Schema};
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value, json};

/// A column as a struct's field that may be null.
fn field(name: &str, column: &ArrayRef) -> Field {
    Field::new(name, column.data_type().clone(), true)
}

fn structs(columns: Vec<(&str, ArrayRef)>) -> StructArray {
    let fields: Fields = columns.iter().map(|(name, column)| field(name, column)).collect();
    StructArray::new(fields, columns.into_iter().map(|(_, column)| column).collect(), None)
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// Lists of so many of the values each.
fn lists(values: ArrayRef, lengths: &[usize]) -> ArrayRef {
    let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths.iter().copied());
    Arc::new(ListArray::new(Arc::new(field("item", &values)), offsets, values, None))
}

/// Two conversations: one with a call whose arguments are a struct that all calls share, as Arrow stores them.
fn conversations() -> ArrayRef {
    let arguments = structs(vec![
        ("city", texts(&[Some("Rome"), None])),
        ("height", Arc::new(Float64Array::from(vec![None, Some(1e-5)]))),
    ]);
    let calls =
        structs(vec![("name", texts(&[Some("weather"), Some("fly")])), ("arguments", Arc::new(arguments))]);
    let turns = structs(vec![
        ("role", texts(&[Some("user"), Some("assistant"), Some("user"), Some("assistant")])),
        ("content", texts(&[Some("q"), Some("a"), Some("r"), Some("b")])),
        ("tool_calls", lists(Arc::new(calls), &[0, 1, 0, 1])),
    ]);
    lists(Arc::new(turns), &[2, 2])
}

fn batch() -> RecordBatch {
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None].into_iter().collect();
    let pairs = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(3), None])],
        2,
    );
    let big = Decimal128Array::from(vec![123_456_789_012_345_678_901_234, 7]).with_precision_and_scale(38, 0);
    let price = Decimal128Array::from(vec![150, -5]).with_precision_and_scale(10, 2);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(big.unwrap())),
        ("messages", conversations()),
        ("large", Arc::new(LargeStringArray::from(vec!["l", "m"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a view of more than twelve bytes", "v"]))),
        ("dictionary", Arc::new(dictionary)),
        ("bytes", Arc::new(BinaryArray::from(vec!["caf\u{e9}".as_bytes(), b""]))),
        ("pairs", Arc::new(pairs)),
        ("price", Arc::new(price.unwrap())),
        ("score", Arc::new(Float64Array::from(vec![f64::NAN, 0.5]))),
        ("single", Arc::new(Float32Array::from(vec![0.1, 2.0]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("day", Arc::new(Date32Array::from(vec![19_000, 0]))),
        ("time", Arc::new(TimestampMillisecondArray::from(vec![1500, 0]).with_timezone("UTC"))),
        ("large_number", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
        ("count", Arc::new(Int64Array::from(vec![-1, 2]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    );
    with_json_text(&batch.unwrap())
}

/// Adds columns of text that is JSON, which is how `datasets` stores values of more than one kind. The schema says so.
fn with_json_text(batch: &RecordBatch) -> RecordBatch {
    let mark = |field: Field| {
        let extension = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
        field.with_metadata(extension)
    };
    let mixed = texts(&[Some(r#""five""#), Some("5")]);
    let parts = texts(&[Some(r#"[{"type": "text", "height": 1e-5}]"#), Some(r#""plain""#)]);
    let inside: Fields = vec![mark(field("content", &parts))].into();
    let turn: ArrayRef = Arc::new(StructArray::new(inside, vec![parts], None));
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| (**field).clone()).collect();
    fields.extend([mark(field("mixed", &mixed)), field("turn", &turn)]);
    let columns = batch.columns().iter().cloned().chain([mixed, turn]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The rows of the batch as someone would write them as JSON lines.
const LINES: &str = r#"{"id": 123456789012345678901234, "messages": [{"role": "user", "content": "q", "tool_calls": []}, {"role": "assistant", "content": "a", "tool_calls": [{"name": "weather", "arguments": {"city": "Rome"}}]}], "large": "l", "view": "a view of more than twelve bytes", "dictionary": "x", "bytes": "café", "pairs": [1, 2], "price": 1.5, "score": NaN, "single": 0.1, "flag": true, "day": "2022-01-08", "time": "1970-01-01T00:00:01.500Z", "large_number": 18446744073709551615, "count": -1, "mixed": "five", "turn": {"content": [{"type": "text", "height": 1e-5}]}}
{"id": 7, "messages": [{"role": "user", "content": "r", "tool_calls": []}, {"role": "assistant", "content": "b", "tool_calls": [{"name": "fly", "arguments": {"height": 1e-5}}]}], "large": "m", "view": "v", "dictionary": null, "bytes": "", "pairs": [3, null], "price": -0.05, "score": 0.5, "single": 2.0, "flag": null, "day": "1970-01-01", "time": "1970-01-01T00:00:00Z", "large_number": 1, "count": 2, "mixed": 5, "turn": {"content": "plain"}}
"#;

/// Writes a batch in every container that stores columns.
fn write_all(dir: &Path, batch: &RecordBatch) -> Vec<PathBuf> {
    let create = |name: &str| (dir.join(name), fs_err::File::create(dir.join(name)).unwrap());
    let schema = batch.schema();
    let mut written = Vec::new();

    let (path, file) = create("rows.parquet");
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    written.push(path);

    let (path, file) = create("rows.arrow");
    let mut writer = StreamWriter::try_new(file, &schema).unwrap();
    (0..batch.num_rows()).for_each(|at| writer.write(&batch.slice(at, 1)).unwrap());
    writer.finish().unwrap();
    written.push(path);

    for (name, compression) in [
        ("plain.feather", None),
        ("lz4.feather", Some(CompressionType::LZ4_FRAME)),
        ("zstd.feather", Some(CompressionType::ZSTD)),
    ] {
        let (path, file) = create(name);
        let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
        let mut writer = FileWriter::try_new_with_options(file, &schema, options).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        written.push(path);
    }
    written
}

fn rows(path: &Path) -> Vec<Map<String, Value>> {
    let file = DataFile::open(path, "rows", &FormatChoice::Auto).unwrap();
    file.rows().unwrap().map(|row| row.unwrap().fields.unwrap()).collect()
}

fn keys(path: &Path) -> Vec<String> {
    let file = DataFile::open(path, "rows", &FormatChoice::Auto).unwrap();
    let pool = Pool::new(vec![file], Duplicates::Keep);
    pool.rows().map(|row| row.unwrap().key.as_str().to_owned()).collect()
}

#[test]
fn the_same_rows_have_the_same_values_in_every_container() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("rows.jsonl");
    fs_err::write(&lines, LINES).unwrap();
    let expected = rows(&lines);
    for path in write_all(dir.path(), &batch()) {
        let found = rows(&path);
        assert_eq!(found.len(), 2, "{}", path.display());
        for (found, expected) in found.iter().zip(&expected) {
            for (name, value) in expected {
                // Lists of numbers are read only where they are asked for.
                if name != "pairs" || path.extension().unwrap() != "parquet" {
                    assert_eq!(found.get(name), Some(value), "{}: {name}", path.display());
                }
            }
        }
        let column = |path: &Path, name: &str| {
            DataFile::open(path, "rows", &FormatChoice::Auto).unwrap().column(name).unwrap()
        };
        assert_eq!(column(&path, "pairs"), column(&lines, "pairs"));
        assert_eq!(column(&path, "id")[0], Some(json!("123456789012345678901234")));
        assert_eq!(column(&path, "id"), column(&lines, "id"));
        assert_eq!(keys(&path), keys(&lines));
    }
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let answer = texts(&[Some("a")]);
    let fields = vec![field("question", &answer), field("answer", &answer), field("answer", &answer)];
    let columns = vec![answer.clone(), answer.clone(), answer];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    for path in write_all(dir.path(), &batch) {
        let opened = DataFile::open(&path, "rows", &FormatChoice::Auto);
        let error = opened.err().map(|error| format!("{error} {:?}", std::error::Error::source(&error)));
        assert!(error.is_some_and(|error| error.contains("`answer` twice")), "{}", path.display());
    }
}

/// Lists of numbers are vectors, except those that say what each turn or token counts for.
#[test]
fn lists_of_weights_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let mask: ArrayRef = lists(Arc::new(Int64Array::from(vec![0, 1, 1, 1])), &[2, 2]);
    let columns = [
        ("question", texts(&[Some("q"), Some("r")])),
        ("answer", texts(&[Some("a"), Some("b")])),
        ("loss_mask", mask.clone()),
        ("embedding", mask),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for path in write_all(dir.path(), &batch) {
        let file = DataFile::open(&path, "rows", &FormatChoice::Auto).unwrap();
        let unread: Vec<String> = Pool::new(vec![file], Duplicates::Keep)
            .rows()
            .flat_map(|row| row.unwrap().unread.into_iter().map(|unread| unread.to_string()))
            .collect();
        assert_eq!(unread, ["column `loss_mask`"], "{}", path.display());
    }
}

#[test]
fn bytes_that_are_no_text_are_malformed_where_text_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", texts(&[Some("a"), Some("b")])),
        ("question", Arc::new(BinaryArray::from(vec![&b"why?"[..], b"why?"]))),
        ("answer", Arc::new(BinaryArray::from(vec![&b"so"[..], b"s\xff"]))),
        ("blob", Arc::new(BinaryArray::from(vec![&b"\x89PNG"[..], b"\x89PNG"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for path in write_all(dir.path(), &batch) {
        let file = DataFile::open(&path, "rows", &FormatChoice::Auto).unwrap();
        let pool = Pool::new(vec![file], Duplicates::Keep);
        let rows: Vec<_> = pool.rows().map(Result::unwrap).collect();
        let fault = rows[1].example.as_ref().unwrap_err();
        assert!(fault.reason.contains("`answer`") && fault.reason.contains("not UTF-8"), "{}", fault.reason);
    }
}

#[test]
fn columns_beside_those_that_are_read_come_along_without_vectors_and_images() {
    let dir = tempfile::tempdir().unwrap();
    let image = structs(vec![
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\x89PNG"[..]])) as ArrayRef),
        ("path", texts(&[Some("a.png")])),
    ]);
    let vector = lists(Arc::new(Float64Array::from(vec![1.0, 2.0])), &[2]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("question", texts(&[Some("why?")])),
        ("answer", texts(&[Some("so")])),
        ("context", texts(&[Some("a text")])),
        ("thumbnail", Arc::new(image)),
        ("vector", vector),
        ("weight", Arc::new(Float64Array::from(vec![0.5]))),
    ];
    let paths = write_all(dir.path(), &RecordBatch::try_from_iter(columns).unwrap());
    let row = json!(rows(&paths[0])[0]);
    let expected = json!({
        "question": "why?", "answer": "so", "context": "a text", "thumbnail": {"path": "a.png"}, "weight": 0.5,
    });
    assert_eq!(row, expected);
}

#[test]
fn an_image_of_bytes_alone_is_an_image() {
    let dir = tempfile::tempdir().unwrap();
    let image = structs(vec![
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x89PNG"[..]), None])) as ArrayRef),
        ("path", texts(&[None, None])),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("question", texts(&[Some("why?"), Some("who?")])),
        ("answer", texts(&[Some("so"), Some("me")])),
        ("image", Arc::new(image)),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    for path in write_all(dir.path(), &RecordBatch::try_from_iter_with_nullable(columns).unwrap()) {
        let file = DataFile::open(&path, "pool", &FormatChoice::Auto).unwrap();
        let rows: Vec<_> = Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect();
        let fault = rows[0].example.as_ref().unwrap_err();
        assert_eq!(fault.status, lobass_core::RowStatus::Media, "{}", path.display());
        assert!(rows[1].example.is_ok(), "{}", path.display());
    }
}

#[test]
fn a_selection_of_arrow_keeps_schema_values_and_kind() {
    let dir = tempfile::tempdir().unwrap();
    let batch = batch();
    for path in write_all(dir.path(), &batch) {
        let file = DataFile::open(&path, "rows", &FormatChoice::Auto).unwrap();
        let output = dir.path().join("kept").join(path.file_name().unwrap());
        let report = file.write_subset(&output, |row| row == 1).unwrap();
        assert_eq!((report.n_read, report.n_written), (2, 1));
        let kept = DataFile::open(&output, "rows", &FormatChoice::Auto).unwrap();
        assert_eq!(kept.container(), file.container());
        assert_eq!(rows(&output), rows(&path)[1..]);
    }
    let stream = fs_err::File::open(dir.path().join("kept").join("rows.arrow")).unwrap();
    let mut reader = arrow_ipc::reader::StreamReader::try_new(stream, None).unwrap();
    assert_eq!(reader.schema(), batch.schema());
    let kept: Vec<RecordBatch> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(kept.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
}

#[test]
fn folders_of_a_partitioned_set_are_columns() {
    let dir = tempfile::tempdir().unwrap();
    let columns = vec![("question", texts(&[Some("q")])), ("answer", texts(&[Some("a")]))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for lang in ["en", "fr"] {
        let folder = dir.path().join("set").join(format!("lang={lang}"));
        fs_err::create_dir_all(&folder).unwrap();
        let whole = write_all(dir.path(), &batch).remove(0);
        fs_err::copy(whole, folder.join("part-0.parquet")).unwrap();
    }
    let set = dir.path().join("set");
    let files =
        lobass_data::open_files(set.to_str().unwrap(), None, None, &FormatChoice::Auto).unwrap().files;
    let languages: Vec<_> = files.iter().flat_map(|file| file.column("lang").unwrap()).collect();
    assert_eq!(languages, [Some(json!("en")), Some(json!("fr"))]);
    let pool = Pool::new(files, Duplicates::Keep);
    assert_eq!(pool.files()[0].source(), "set");
    assert_eq!(pool.files()[1].source(), "set");
    assert_eq!(
        pool.output_paths(),
        ["set/lang=en/part-0.parquet", "set/lang=fr/part-0.parquet"].map(PathBuf::from)
    );
}

#[test]
fn a_data_set_that_was_saved_is_read_by_what_it_says_of_itself() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("saved");
    let train = set.join("train");
    fs_err::create_dir_all(&train).unwrap();
    write_all(dir.path(), &batch());
    for name in ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "cache-0123.arrow"] {
        fs_err::copy(dir.path().join("rows.arrow"), train.join(name)).unwrap();
    }
    let names =
        ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"].map(|name| json!({"filename": name}));
    fs_err::write(train.join("state.json"), json!({"_data_files": names, "_split": "train"}).to_string())
        .unwrap();
    fs_err::write(train.join("dataset_info.json"), "{\"features\": {}}").unwrap();
    fs_err::write(set.join("dataset_dict.json"), json!({"splits": ["train", "test"]}).to_string()).unwrap();
    let opened = lobass_data::open_files(set.to_str().unwrap(), None, None, &FormatChoice::Auto).unwrap();
    assert_eq!(opened.left_out, ["test"]);
    let pool = Pool::new(opened.files, Duplicates::Keep);
    assert_eq!((pool.files()[0].source(), pool.rows().count()), ("saved", 4));
    assert_eq!(pool.files()[0].kind(), "Arrow stream, messages (turns in `messages`)");
    let alone = lobass_data::find_files(train.to_str().unwrap(), None).unwrap();
    assert_eq!((alone[0].source.as_str(), alone[0].files.len()), ("train", 2));
}

#[test]
fn a_struct_of_schema_types_is_what_it_says() {
    // Guards the fixture itself: Arrow shares one struct among all calls, with nulls where a call has no such key.
    let schema = batch().schema();
    let DataType::List(turn) = schema.field_with_name("messages").unwrap().data_type() else {
        panic!("no list")
    };
    assert!(turn.data_type().to_string().contains("city") && turn.data_type().to_string().contains("height"));
}
