//! Losses as Parquet: a column of sums for each model.

use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::DataType;
use lobass_core::{ExampleKey, ModelRole};
use parquet::file::reader::ChunkReader;

use super::entry::{Entries, Entry, Losses, Name, Side, Sum};
use super::fault;
use super::json_lines::shown;
use crate::Error;
use crate::columns::{Columns, Reader};

/// Reads the sums of every row under one model.
///
/// # Errors
/// If a column is missing or has another type, or a row is there twice.
pub(super) fn read<T: ChunkReader + 'static>(
    input: T,
    path: &Path,
    role: &ModelRole,
) -> Result<Entries, Error> {
    let mut entries = Entries::default();
    let mut number = 0;
    for columns in Reader::new(input, path)?.batches()? {
        let columns = columns?;
        entries.has_reference |= columns.has("reference_nll");
        for (name, entry) in of_batch(&columns, path, role)? {
            number += 1;
            let (Some(name), Some(entry)) = (name, entry) else { continue };
            let shown = shown(&name, Side::Chosen);
            entries.add(name, Side::Chosen, Entry { number, ..entry }).map_err(|other| {
                let reason = format!("{shown} is there twice, first in record {other}");
                fault::of_entry(path, "record", number, reason)
            })?;
        }
    }
    Ok(entries)
}

/// The rows of a batch, with nothing for those without a loss.
type Records = Vec<(Option<Name>, Option<Entry>)>;

fn of_batch(columns: &Columns, path: &Path, role: &ModelRole) -> Result<Records, Error> {
    let read = Batch { columns, path };
    let named = |base: &str, plain: &'static str| match columns.has(base) {
        true => base.to_owned(),
        false => plain.to_owned(),
    };
    let nll = named(&format!("{role}_nll"), "nll");
    if !columns.has(&nll) {
        let found = if columns.has("logprobs") || columns.has("prompt_logprobs") {
            "log-probabilities; write those as JSON lines"
        } else {
            "neither"
        };
        return Err(fault::of_file(path, format!("expected column `{role}_nll` or `nll`, found {found}")));
    }
    if !columns.has("row") && !columns.has("key") {
        return Err(fault::of_file(path, "expected column `row` or `key`, found neither"));
    }
    let rejected_nll = named(&format!("{role}_rejected_nll"), "rejected_nll");
    let (rows, keys) = (read.counts("row")?, read.texts("key")?);
    let (sums, counts) = (read.sums(&nll)?, read.needed(&nll, "n_scored")?);
    let rejected = match columns.has(&rejected_nll) {
        true => (read.sums(&rejected_nll)?, read.needed(&rejected_nll, "rejected_n_scored")?),
        false => (vec![None; sums.len()], vec![None; sums.len()]),
    };
    let n_tokens = read.counts("n_tokens")?;
    let short = |count: Option<u64>| count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let sum = |nll: Option<f64>, n: Option<u64>| Some(Sum { nll: nll?, n_scored: short(n)? });
    let record = |at: usize| {
        let key = keys[at].map(ExampleKey::new);
        let name = rows[at].map(Name::Row).or(key.clone().map(Name::Key));
        let rejected = sum(rejected.0[at], rejected.1[at]);
        let losses = sum(sums[at], counts[at]).map(|chosen| Losses::Sums { chosen, rejected });
        let key = key.filter(|_| rows[at].is_some());
        (name, losses.map(|losses| Entry { number: 0, key, n_tokens: short(n_tokens[at]), losses }))
    };
    Ok((0..columns.n_rows()).map(record).collect())
}

/// A batch whose columns may be missing.
struct Batch<'a> {
    columns: &'a Columns,
    path: &'a Path,
}

impl Batch<'_> {
    /// A column of counts that goes with a column of sums.
    fn needed(&self, sums: &str, counts: &str) -> Result<Vec<Option<u64>>, Error> {
        if !self.columns.has(counts) {
            let reason = format!(
                "expected column `{counts}`, the number of tokens that `{sums}` is summed over, found none"
            );
            return Err(fault::of_file(self.path, reason));
        }
        self.counts(counts)
    }

    fn counts(&self, name: &str) -> Result<Vec<Option<u64>>, Error> {
        let Some(array) = self.columns.array(name) else { return Ok(vec![None; self.columns.n_rows()]) };
        let found = match array.data_type() {
            DataType::UInt64 => whole::<UInt64Type>(array),
            DataType::Int64 => whole::<Int64Type>(array),
            DataType::UInt32 => whole::<UInt32Type>(array),
            DataType::Int32 => whole::<Int32Type>(array),
            other => return Err(self.wrong(name, "whole numbers", other)),
        };
        found.ok_or_else(|| {
            fault::of_file(self.path, format!("column `{name}`: expected numbers from 0, found one below"))
        })
    }

    fn sums(&self, name: &str) -> Result<Vec<Option<f64>>, Error> {
        let Some(array) = self.columns.array(name) else { return Ok(vec![None; self.columns.n_rows()]) };
        match array.data_type() {
            DataType::Float64 => Ok(array.as_primitive::<Float64Type>().iter().collect()),
            DataType::Float32 => {
                Ok(array.as_primitive::<Float32Type>().iter().map(|sum| sum.map(f64::from)).collect())
            }
            other => Err(self.wrong(name, "floating-point numbers", other)),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<Option<&str>>, Error> {
        let Some(array) = self.columns.array(name) else { return Ok(vec![None; self.columns.n_rows()]) };
        match array.data_type() {
            DataType::Utf8 => Ok(array.as_string::<i32>().iter().collect()),
            DataType::LargeUtf8 => Ok(array.as_string::<i64>().iter().collect()),
            DataType::Utf8View => Ok(array.as_string_view().iter().collect()),
            other => Err(self.wrong(name, "text", other)),
        }
    }

    fn wrong(&self, name: &str, expected: &str, found: &DataType) -> Error {
        fault::of_file(self.path, format!("column `{name}`: expected {expected}, found {found}"))
    }
}

/// Whole numbers; `None` if one is negative.
fn whole<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<Vec<Option<u64>>>
where
    u64: TryFrom<T::Native>,
{
    array
        .as_primitive::<T>()
        .iter()
        .map(|value| value.map_or(Some(None), |value| u64::try_from(value).ok().map(Some)))
        .collect()
}
