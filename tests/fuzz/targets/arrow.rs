//! Arrow's own files: Feather, streams, and folders that `save_to_disk` of `datasets` wrote.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

use super::rows::{read, write_and_read};
use super::{Target, unpack_demo};
use crate::mutate::Kind;

/// Conversations as `datasets` keeps them, beside a column of categories.
fn batch() -> RecordBatch {
    let texts = |word: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..5).map(|row| format!("{word} {row}"))))
    };
    let kinds: DictionaryArray<arrow_array::types::Int8Type> =
        ["a", "b", "a", "b", "a"].into_iter().collect();
    let function = StructArray::try_from(vec![("name", texts("f")), ("arguments", texts("{}"))]).unwrap();
    let columns = [
        ("id", Arc::new(Int64Array::from_iter_values(0..5)) as ArrayRef),
        ("prompt", texts("say")),
        ("completion", texts("said")),
        ("kind", Arc::new(kinds)),
        ("function", Arc::new(function)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn file(compression: Option<CompressionType>) -> Vec<u8> {
    let batch = batch();
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn stream() -> Vec<u8> {
    let batch = batch();
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    bytes.into_inner()
}

pub(super) const ARROW: Target = Target {
    name: "arrow",
    kind: Kind::Bytes,
    prepare: |dir| {
        unpack_demo(dir);
        vec![stream(), file(None), file(Some(CompressionType::LZ4_FRAME)), file(Some(CompressionType::ZSTD))]
    },
    run: |dir, input| write_and_read(dir, "rows.arrow", input),
};

/// Files of a saved data set, by their names in a document: what is damaged is what the folder says of itself.
fn save(dir: &Path, input: &[u8]) {
    let folder = dir.join("saved");
    super::remove(folder.clone());
    fs_err::create_dir_all(folder.join("train")).unwrap();
    for at in ["", "train/"] {
        fs_err::write(folder.join(format!("{at}data-00000-of-00001.arrow")), stream()).unwrap();
        fs_err::write(folder.join(format!("{at}dataset_info.json")), b"{\"features\": {}}").unwrap();
    }
    let Ok(serde_json::Value::Object(files)) = serde_json::from_slice(input) else {
        fs_err::write(folder.join("state.json"), input).unwrap();
        return;
    };
    for name in ["state.json", "dataset_dict.json", "train/state.json", "train/dataset_info.json"] {
        if let Some(content) = files.get(name) {
            fs_err::write(folder.join(name), content.to_string()).unwrap();
        }
    }
}

pub(super) const SAVED: Target = Target {
    name: "saved-dataset",
    kind: Kind::Json,
    prepare: |dir| {
        unpack_demo(dir);
        let state = r#"{"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "a", "_format_columns": null, "_format_kwargs": {}, "_format_type": null, "_output_all_columns": false, "_split": "train"}"#;
        let one = format!(r#"{{"state.json": {state}}}"#);
        let several = format!(
            r#"{{"dataset_dict.json": {{"splits": ["train", "test"]}}, "train/state.json": {state}, "train/dataset_info.json": {{"features": {{"prompt": {{"dtype": "string", "_type": "Value"}}}}}}}}"#
        );
        vec![one.into_bytes(), several.into_bytes()]
    },
    run: |dir, input| {
        save(dir, input);
        read(dir, "saved");
    },
};
