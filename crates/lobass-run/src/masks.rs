//! Rows with labels for some of their tokens only, as trainers read them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, ListArray, RecordBatch, UInt64Array};
use lobass_core::Sequence;
use lobass_files::WholeFile;
use parquet::arrow::ArrowWriter;

use crate::Error;
use crate::columns::{batch, properties};

/// The label that transformers does not train on.
pub const IGNORE_INDEX: i32 = -100;
/// Rows that are written at once.
const BATCH_ROWS: usize = 1024;

/// Writes rows of token ids and labels, as Parquet, or as JSON lines if the name ends in `.jsonl`: `row`, `input_ids`,
/// `attention_mask`, and `labels`, which are the ids of tokens to be trained on and [`IGNORE_INDEX`] for all others.
/// Under its name only when it is whole.
#[derive(Debug)]
pub struct MaskWriter {
    out: PathBuf,
    sink: Sink,
    waiting: Vec<MaskedRow>,
}

#[derive(Debug)]
enum Sink {
    Parquet(Box<ArrowWriter<WholeFile>>),
    JsonLines(WholeFile),
}

#[derive(Debug)]
struct MaskedRow {
    row: u64,
    input_ids: Vec<i32>,
    labels: Vec<i32>,
}

impl MaskWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(out: &Path) -> Result<Self, Error> {
        let file = WholeFile::create(out)?;
        let sink = if out.extension().is_some_and(|extension| extension == "jsonl") {
            Sink::JsonLines(file)
        } else {
            let writer = ArrowWriter::try_new(file, to_batch(&[]).schema(), Some(properties().build()));
            Sink::Parquet(Box::new(writer.map_err(|source| Error::Parquet { path: out.to_owned(), source })?))
        };
        Ok(Self { out: out.to_owned(), sink, waiting: Vec::new() })
    }

    /// Adds a row.
    ///
    /// - `kept`: whether a scored token is trained on, one for each of them
    ///
    /// # Errors
    /// If it cannot be written.
    ///
    /// # Panics
    /// If an id is not below 2^31.
    pub fn write(&mut self, row: u64, sequence: &Sequence, kept: &[bool]) -> Result<(), Error> {
        let id = |id: u32| i32::try_from(id).expect("vocabularies are far smaller than 2^31");
        let mut labels = vec![IGNORE_INDEX; sequence.n_tokens()];
        for (position, _) in sequence.scored_positions().zip(kept).filter(|(_, kept)| **kept) {
            labels[position + 1] = id(sequence.input_ids()[position + 1]);
        }
        let input_ids = sequence.input_ids().iter().copied().map(id).collect();
        self.waiting.push(MaskedRow { row, input_ids, labels });
        if self.waiting.len() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        let file = match self.sink {
            Sink::Parquet(writer) => {
                writer.into_inner().map_err(|source| Error::Parquet { path: self.out.clone(), source })?
            }
            Sink::JsonLines(file) => file,
        };
        Ok(file.finish()?)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.waiting);
        match &mut self.sink {
            Sink::Parquet(writer) => writer
                .write(&to_batch(&rows))
                .map_err(|source| Error::Parquet { path: self.out.clone(), source }),
            Sink::JsonLines(writer) => rows.iter().try_for_each(|MaskedRow { row, input_ids, labels }| {
                let attention_mask = vec![1; input_ids.len()];
                let line = serde_json::json!({
                    "row": row, "input_ids": input_ids, "attention_mask": attention_mask, "labels": labels,
                });
                Ok(writeln!(writer, "{line}")?)
            }),
        }
    }
}

fn to_batch(rows: &[MaskedRow]) -> RecordBatch {
    let lists = |list: &dyn Fn(&MaskedRow) -> Vec<i32>| -> ArrayRef {
        let lists = rows.iter().map(|row| Some(list(row).into_iter().map(Some).collect::<Vec<_>>()));
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
    };
    let numbers: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.row)).collect::<UInt64Array>());
    batch(vec![
        ("row", false, numbers),
        ("input_ids", false, lists(&|row| row.input_ids.clone())),
        ("attention_mask", false, lists(&|row| vec![1; row.input_ids.len()])),
        ("labels", false, lists(&|row| row.labels.clone())),
    ])
}
