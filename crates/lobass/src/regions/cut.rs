//! Cutting a pool into regions.

use std::collections::BTreeSet;

use lobass_core::{ColumnSet, Numbers, ScoreColumns};
use lobass_data::Pool;
use lobass_run::Manifest;
use lobass_select::Strata;
use serde_json::Value;

use super::By;
use crate::error::{Result, bail};
use crate::selection::check_rows;

/// The most regions of one cut.
const MAX_REGIONS: usize = 1000;

/// A pool in regions.
pub(super) struct Cut {
    pub(super) strata: Strata,
    /// Whether a row of another table is in the region of that name by its own value. Bins and clusters depend on the
    /// whole pool, so a row of another table is in the region of the same row here.
    pub(super) is_by_value: bool,
    /// For each region, a row in the middle of it, if there is such a thing.
    pub(super) typical: Vec<Option<u32>>,
}

impl Cut {
    pub(super) fn by_value(strata: Strata) -> Self {
        Self { strata, is_by_value: true, typical: Vec::new() }
    }

    fn by_bin(strata: Strata) -> Self {
        Self { strata, is_by_value: false, typical: Vec::new() }
    }
}

/// The column of losses of a table that a word means, without `_nll`.
fn loss_column(word: &str, manifest: &Manifest) -> Option<String> {
    let name = word.strip_suffix("_nll").unwrap_or(word);
    let is_role = manifest.models.iter().any(|model| model.role().to_string() == name);
    (is_role || ["reference", "in_sample"].contains(&name)).then(|| name.to_owned())
}

/// The columns of a table that regions read beside the losses of its references.
pub(super) fn columns(by: &[By], manifest: &Manifest) -> ColumnSet {
    let names = by.iter().filter_map(|by| match by {
        By::Column(word) => loss_column(word, manifest),
        _ => None,
    });
    ColumnSet::of_losses(names)
}

/// Whether regions go by the data.
pub(super) fn reads_rows(by: &By, manifest: &Manifest) -> bool {
    match by {
        By::Field(_) => true,
        By::Column(word) => loss_column(word, manifest).is_none(),
        _ => false,
    }
}

/// The rows that count, of so many.
#[derive(Clone, Copy)]
struct Counted<'a> {
    rows: &'a [u32],
    n_rows: usize,
}

impl Counted<'_> {
    /// A number for each of them, and none for the others.
    fn numbers(self, of_row: impl Fn(usize) -> Option<f64>) -> Numbers {
        let mut numbers = Numbers::missing(self.n_rows);
        for &row in self.rows {
            numbers.set(row as usize, of_row(row as usize));
        }
        numbers
    }
}

/// Cuts a pool by everything but clusters.
///
/// - `rows`: those that count; bins hold equally many of them
pub(super) fn cut(
    by: &By,
    columns: &ScoreColumns,
    manifest: &Manifest,
    pool: &Pool,
    rows: &[u32],
    n_bins: usize,
) -> Result<Cut> {
    let counted = Counted { rows, n_rows: columns.len() };
    Ok(match by {
        By::Source => Cut::by_value(Strata::of_sources(columns)),
        By::Status => {
            let names: Vec<String> = columns.statuses.iter().map(ToString::to_string).collect();
            Cut::by_value(Strata::of_values(names.iter().map(String::as_str)))
        }
        By::Fold => Cut::by_value(folds(columns)?),
        By::Length => Cut::by_bin(Strata::of_lengths(columns, &counted.numbers(|_| Some(0.0)), n_bins)),
        By::Tokens => {
            let values = counted.numbers(|row| Some(f64::from(columns.n_tokens[row])));
            Cut::by_bin(bins(&values, n_bins, "tokens", "without tokens"))
        }
        By::Column(word) => match loss_column(word, manifest) {
            Some(name) => {
                let losses = columns.losses(name.as_str());
                let values = counted.numbers(|row| {
                    Some(losses.get(row)? / f64::from(columns.n_scored[row])).filter(|mean| mean.is_finite())
                });
                if !values.has_any() {
                    bail!(Table, "regions by `{word}`: no row has a loss in that column of the score table");
                }
                Cut::by_bin(bins(&values, n_bins, &format!("nats/token, {name}"), "without a loss"))
            }
            None => field(word, pool, columns, counted, n_bins)?,
        },
        By::Field(name) => field(name, pool, columns, counted, n_bins)?,
        By::Clusters => {
            bail!(Settings, "regions by clusters need the vectors of the pool: `--embeddings FILE`")
        }
    })
}

fn folds(columns: &ScoreColumns) -> Result<Strata> {
    if columns.folds.is_empty() {
        bail!(
            Table,
            "regions by fold: the score table has no folds; references are cross-fitted with `lobass run --reference-mode \
             cross-fit`"
        );
    }
    let name =
        |row| columns.fold(row).map_or_else(|| "in no fold".to_owned(), |fold| format!("fold {fold:02}"));
    let names: Vec<String> = (0..columns.len()).map(name).collect();
    Ok(Strata::of_values(names.iter().map(String::as_str)))
}

/// By a field of the data: its values, or bins of numbers if it has too many different ones.
fn field(
    name: &str,
    pool: &Pool,
    columns: &ScoreColumns,
    counted: Counted<'_>,
    n_bins: usize,
) -> Result<Cut> {
    let mut values: Vec<Option<Value>> = Vec::with_capacity(columns.len());
    for file in pool.files() {
        values.extend(file.column(name)?.into_iter().map(|value| value.filter(|value| !value.is_null())));
    }
    check_rows("values of a field", values.len(), columns.len())?;
    if values.iter().all(Option::is_none) {
        bail!(
            Data,
            "regions by `{name}`: no row has that field, and the score table has no such column; expected `source`, \
             `length`, `n_tokens`, `status`, `fold`, `clusters`, a column of losses such as `base_nll`, or a field of the \
             data"
        );
    }
    let without = format!("without `{name}`");
    let text = |value: &Option<Value>| match value {
        None => without.clone(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let texts: Vec<String> = values.iter().map(text).collect();
    let n_values = texts.iter().collect::<BTreeSet<_>>().len();
    if n_values <= MAX_REGIONS.min(n_bins.max(50)) {
        return Ok(Cut::by_value(Strata::of_values(texts.iter().map(String::as_str))));
    }
    if values.iter().flatten().all(Value::is_number) {
        let numbers = counted.numbers(|row| values[row].as_ref()?.as_f64());
        return Ok(Cut::by_bin(bins(&numbers, n_bins, name, &without)));
    }
    if n_values > MAX_REGIONS {
        bail!(
            Data,
            "regions by `{name}`: expected at most {MAX_REGIONS} different values, found {n_values}; choose a field with \
             fewer values, or clusters of embeddings"
        );
    }
    Ok(Cut::by_value(Strata::of_values(texts.iter().map(String::as_str))))
}

/// Bins with about as many rows in each. Rows of one number are in one bin.
fn bins(values: &Numbers, n_bins: usize, what: &str, without: &str) -> Strata {
    let mut sorted: Vec<f64> = values.iter().flatten().collect();
    sorted.sort_by(f64::total_cmp);
    // The smallest number of each bin.
    let mut starts: Vec<f64> =
        (0..n_bins).filter_map(|bin| sorted.get(bin * sorted.len() / n_bins)).copied().collect();
    starts.dedup();
    let place = |value: f64| starts.partition_point(|start| *start <= value).saturating_sub(1);
    let mut ends = vec![f64::NEG_INFINITY; starts.len()];
    for &value in &sorted {
        let end = &mut ends[place(value)];
        *end = end.max(value);
    }
    let name = |(start, end): (&f64, &f64)| match start == end {
        true => format!("{} {what}", short(*start)),
        false => format!("{} to {} {what}", short(*start), short(*end)),
    };
    let mut names: Vec<String> = starts.iter().zip(&ends).map(name).collect();
    let outside = names.len();
    names.push(without.to_owned());
    let code = |value: Option<f64>| u32::try_from(value.map_or(outside, place)).unwrap_or(u32::MAX);
    Strata { names, of: values.iter().map(code).collect() }
}

/// A number with about four digits.
fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number}");
    }
    let digits = if number.abs() >= 100.0 { 1 } else { 3 };
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_about_as_many() {
        let values =
            [Some(5.0), Some(1.0), None, Some(2.5), Some(4.0), Some(2.0), Some(6.0)].into_iter().collect();
        let found = bins(&values, 3, "x", "none");
        assert_eq!(found.names, ["1 to 2 x", "2.500 to 4 x", "5 to 6 x", "none"]);
        assert_eq!(found.of, [2, 0, 3, 1, 1, 0, 2]);
        let same = [Some(7.0), Some(7.0), Some(9.0)].into_iter().collect();
        assert_eq!(bins(&same, 2, "x", "none").names, ["7 to 9 x", "none"]);
        assert_eq!(bins(&same, 3, "x", "none").names, ["7 x", "9 x", "none"]);
    }
}
