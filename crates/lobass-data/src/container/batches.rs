//! Rows that are stored in columns, batch by batch: Parquet and Arrow.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
use serde_json::{Map, Value};

use super::cells;

/// Rows that become JSON at a time, at most.
const SLICE_ROWS: usize = 512;

/// The rows of batches as JSON objects.
pub(super) struct BatchRows {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    /// The batch that is being read, and its next row.
    current: Option<(RecordBatch, usize)>,
    ready: VecDeque<Map<String, Value>>,
}

impl BatchRows {
    pub(super) fn new(
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    ) -> Self {
        Self { batches: Box::new(batches), current: None, ready: VecDeque::new() }
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Map<String, Value>>, ArrowError> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            match &mut self.current {
                Some((batch, at)) if *at < batch.num_rows() => {
                    let count = SLICE_ROWS.min(batch.num_rows() - *at);
                    self.ready = guarded(|| Ok(rows(&batch.slice(*at, count))))?;
                    *at += count;
                }
                _ => match guarded(|| self.batches.next().transpose())? {
                    Some(batch) => self.current = Some((batch, 0)),
                    None => return Ok(None),
                },
            }
        }
    }
}

/// What is wrong with a schema in which two columns have one name.
pub(super) fn repeated_name(schema: &Schema) -> Option<String> {
    let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    twice.map(|(_, name)| format!("expected column names that differ, found `{name}` twice"))
}

/// Runs a step of a reader that panics at some damaged files, which becomes an error.
pub(super) fn guarded<T>(step: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let done = catch_unwind(AssertUnwindSafe(step));
    done.unwrap_or_else(|_| {
        Err(ArrowError::ParseError("expected parts that fit together, found a damaged file".to_owned()))
    })
}

fn rows(batch: &RecordBatch) -> VecDeque<Map<String, Value>> {
    let mut rows = vec![Map::new(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        for (at, row) in rows.iter_mut().enumerate() {
            row.insert(field.name().clone(), cells::value(field, column, at));
        }
    }
    rows.into()
}
