//! Scores of rows that come from elsewhere than losses: a file of a row, its key, and numbers.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use lobass_core::RowStatus;
use lobass_files::WholeFile;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value, json};

use crate::columns::{batch, properties};
use crate::{Error, RowName};

/// A row's score, and the numbers that it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct RowScore {
    /// The row.
    pub name: RowName,
    /// Missing if the row cannot be scored.
    pub score: Option<f64>,
    /// One for each name that the writer was given; all of them missing with the score.
    pub parts: Vec<Option<f64>>,
}

/// Writes rows as Parquet, or as JSON lines if the name ends in `.jsonl`: `row`, `key`, `source`, `status`, `score`, and
/// a column for each part. Fields without a value are null in Parquet and left out of JSON. The file appears whole or
/// not at all.
#[derive(Debug)]
pub struct RowScoreWriter {
    path: PathBuf,
    parts: Vec<String>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Parquet(Box<ArrowWriter<WholeFile>>),
    JsonLines(WholeFile),
}

impl RowScoreWriter {
    /// Begins a file with its `manifest`: under the key `lobass` of Parquet's metadata, or as the first
    /// line, `{"type":"manifest", ..}`.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(path: &Path, parts: Vec<String>, manifest: &Value) -> Result<Self, Error> {
        let mut file = WholeFile::create(path)?;
        let form = if path.extension().is_some_and(|extension| extension == "jsonl") {
            let mut line = Map::from_iter([("type".to_owned(), json!("manifest"))]);
            line.extend(manifest.as_object().cloned().unwrap_or_default());
            writeln!(file, "{}", Value::Object(line))?;
            Form::JsonLines(file)
        } else {
            let metadata = KeyValue::new("lobass".to_owned(), manifest.to_string());
            let properties = properties().set_key_value_metadata(Some(vec![metadata])).build();
            let schema = columns(&parts, &[]).schema();
            let parquet = ArrowWriter::try_new(file, schema, Some(properties));
            Form::Parquet(Box::new(
                parquet.map_err(|source| Error::Parquet { path: path.to_owned(), source })?,
            ))
        };
        Ok(Self { path: path.to_owned(), parts, form })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// If the file cannot be written.
    ///
    /// # Panics
    /// If a row has not as many parts as there are names.
    pub fn write(&mut self, rows: &[RowScore]) -> Result<(), Error> {
        assert!(rows.iter().all(|row| row.parts.len() == self.parts.len()), "a part for each name");
        match &mut self.form {
            Form::Parquet(writer) => {
                let columns = columns(&self.parts, rows);
                writer.write(&columns).map_err(|source| Error::Parquet { path: self.path.clone(), source })
            }
            Form::JsonLines(file) => {
                for row in rows {
                    writeln!(file, "{}", line(&self.parts, row))?;
                }
                Ok(())
            }
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let file = match self.form {
            Form::Parquet(writer) => {
                writer.into_inner().map_err(|source| Error::Parquet { path: self.path.clone(), source })?
            }
            Form::JsonLines(file) => file,
        };
        Ok(file.finish()?)
    }
}

fn columns(parts: &[String], rows: &[RowScore]) -> RecordBatch {
    let texts = |value: &dyn Fn(&RowScore) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>())
    };
    let numbers = |value: &dyn Fn(&RowScore) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let places: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.name.row)).collect::<UInt64Array>());
    let mut columns = vec![
        ("row", false, places),
        ("key", false, texts(&|row| row.name.key.to_string())),
        ("source", false, texts(&|row| row.name.source.clone())),
        ("status", false, texts(&|row| row.name.status.to_string())),
        ("score", true, numbers(&|row| row.score)),
    ];
    for (at, part) in parts.iter().enumerate() {
        columns.push((part, true, numbers(&|row| row.parts[at])));
    }
    batch(columns)
}

fn line(parts: &[String], RowScore { name, score, parts: numbers }: &RowScore) -> Value {
    let mut line = json!({
        "type": "row", "row": name.row, "key": name.key.as_str(), "source": name.source,
        "status": RowStatus::as_str(name.status),
    });
    let named = std::iter::once(("score", *score))
        .chain(parts.iter().map(String::as_str).zip(numbers.iter().copied()));
    for (name, number) in named {
        if let Some(number) = number {
            line[name] = json!(number);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use lobass_core::ExampleKey;

    use super::*;
    use crate::columns::Reader;

    #[test]
    fn both_forms_hold_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let name = |row: u64, status| RowName {
            row,
            key: ExampleKey::new(format!("k{row}")),
            source: "pool".to_owned(),
            status,
        };
        let rows = [
            RowScore { name: name(0, RowStatus::Ok), score: Some(0.1), parts: vec![Some(0.1), Some(-2.0)] },
            RowScore { name: name(1, RowStatus::Overlong), score: None, parts: vec![None, None] },
        ];
        for file in ["s.parquet", "s.jsonl"] {
            let path = dir.path().join(file);
            let parts = vec!["one".to_owned(), "two".to_owned()];
            let mut writer = RowScoreWriter::create(&path, parts, &json!({"tool": "a test"})).unwrap();
            for row in &rows {
                writer.write(std::slice::from_ref(row)).unwrap();
            }
            assert!(!path.exists());
            writer.finish().unwrap();
        }
        let text = fs_err::read_to_string(dir.path().join("s.jsonl")).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], json!({"type": "manifest", "tool": "a test"}));
        let first = json!({
            "type": "row", "row": 0, "key": "k0", "source": "pool", "status": "ok", "score": 0.1, "one": 0.1, "two": -2.0,
        });
        assert_eq!(lines[1], first);
        assert_eq!(
            lines[2],
            json!({"type": "row", "row": 1, "key": "k1", "source": "pool", "status": "overlong"})
        );
        let columns: Vec<_> =
            Reader::open(&dir.path().join("s.parquet")).unwrap().batches().unwrap().collect();
        let columns = columns[0].as_ref().unwrap();
        assert_eq!(columns.u64s("row").unwrap(), [0, 1]);
        assert_eq!(columns.f64s("score").unwrap(), [Some(0.1), None]);
        assert_eq!(columns.f64s("two").unwrap(), [Some(-2.0), None]);
        assert_eq!(columns.texts("status").unwrap(), [Some("ok"), Some("overlong")]);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2);
    }
}
