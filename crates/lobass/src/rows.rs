//! Rows to score: a pool of files, or rows in memory.

use std::borrow::Cow;

use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The name of the source of rows in memory.
const SOURCE: &str = "rows";

/// Rows that can be scored and trained on: a [`Pool`] of files, or rows in memory.
///
/// Rows in memory are JSON objects in any [format](lobass_data::FormatName) of data files: Alpaca, messages, ShareGPT,
/// prompt and completion, and others. The first rows decide the format. Tokens, keys, and losses are the same as for a
/// file of JSON lines with the same rows. [`DataFile::of_rows`] and [`Pool::new`] take more settings.
pub trait Rows {
    /// The rows as a pool.
    ///
    /// # Errors
    /// If there are no rows, or their format is unknown.
    fn pool(&self) -> Result<Cow<'_, Pool>>;
}

impl Rows for Pool {
    fn pool(&self) -> Result<Cow<'_, Pool>> {
        Ok(Cow::Borrowed(self))
    }
}

impl Rows for [Map<String, Value>] {
    fn pool(&self) -> Result<Cow<'_, Pool>> {
        let file = DataFile::of_rows(SOURCE, self, &FormatChoice::Auto)?;
        Ok(Cow::Owned(Pool::new(vec![file], Duplicates::Keep)))
    }
}

impl Rows for [Value] {
    fn pool(&self) -> Result<Cow<'_, Pool>> {
        let object = |(row, value): (usize, &Value)| match value {
            Value::Object(fields) => Ok(fields.clone()),
            other => Err(Error::Data(format!("row {row}: expected a JSON object, found `{other}`"))),
        };
        let rows: Vec<Map<String, Value>> = self.iter().enumerate().map(object).collect::<Result<_>>()?;
        let file = DataFile::of_rows(SOURCE, &rows, &FormatChoice::Auto)?;
        Ok(Cow::Owned(Pool::new(vec![file], Duplicates::Keep)))
    }
}

impl<const N: usize, T> Rows for [T; N]
where
    [T]: Rows,
{
    fn pool(&self) -> Result<Cow<'_, Pool>> {
        self.as_slice().pool()
    }
}

impl<T> Rows for Vec<T>
where
    [T]: Rows,
{
    fn pool(&self) -> Result<Cow<'_, Pool>> {
        self.as_slice().pool()
    }
}
