//! Ratings of rows: a column of the data, or a file beside it.

use std::collections::HashSet;
use std::path::Path;

use lobass_core::{ExampleKey, Numbers};
use lobass_data::{Pool, Rows};
use serde_json::{Map, Value};

use crate::error::{Context as _, Error, Result, bail};
use crate::sequences::{KnownRows, Named, check_named};

/// The default column of a file of ratings.
const SCORE: &str = "score";

/// The numbers of a column over all files; numbers written as text count too.
pub(super) fn of_data(pool: &Pool, column: &str) -> Result<Numbers> {
    let mut ratings = Numbers::new();
    for file in pool.files() {
        let values: Numbers = file.column(column)?.into_iter().map(|value| number(value.as_ref()?)).collect();
        if !values.has_any() {
            bail!(
                Selection,
                "data file `{}`: expected ratings in column `{column}`, found no number",
                file.path().display()
            );
        }
        ratings.append(&values);
    }
    Ok(ratings)
}

/// The numbers of a file that names rows of a table by position, by key, or by both, which then have to agree.
pub(super) fn of_file(path: &Path, column: Option<&str>, table: &dyn KnownRows) -> Result<Numbers> {
    let column = column.unwrap_or(SCORE);
    let mut rated = Vec::new();
    for (fields, number) in Rows::of_file(path)?.zip(1u64..) {
        let fields = fields?
            .fields
            .map_err(|fault| Error::Selection(format!("`{}`: {}", path.display(), fault.reason)))?;
        // What `lobass less` and `lobass pds` write before the rows.
        if fields.get("type").and_then(Value::as_str) == Some("manifest") {
            continue;
        }
        rated
            .push(Rated::of(&fields, column).with_context(|| format!("`{}`, row {number}", path.display()))?);
    }
    let rows = places(&rated, table).with_context(|| format!("ratings `{}`", path.display()))?;
    let mut ratings = Numbers::missing(usize::try_from(table.n_rows())?);
    let mut seen = HashSet::new();
    for (rated, row) in rated.iter().zip(rows) {
        let row = usize::try_from(row)?;
        if !seen.insert(row) {
            bail!(Selection, "ratings `{}`: row {row} is rated twice", path.display());
        }
        ratings.set(row, rated.rating);
    }
    if !ratings.has_any() {
        bail!(Selection, "ratings `{}`: expected numbers in column `{column}`, found none", path.display());
    }
    Ok(ratings)
}

/// A row of a file of ratings.
struct Rated {
    row: Option<u64>,
    key: Option<String>,
    source: Option<String>,
    rating: Option<f64>,
}

impl Rated {
    fn of(fields: &Map<String, Value>, column: &str) -> Result<Self> {
        let row = match fields.get("row") {
            None | Some(Value::Null) => None,
            Some(row) => {
                // In CSV it is text.
                let place = row.as_u64().or_else(|| row.as_str()?.trim().parse().ok());
                Some(place.with_context(|| format!("expected a place as `row`, found {row}"))?)
            }
        };
        // A key is text; data may have numbers there, which are keys as they are written.
        let key = match fields.get("key") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key.clone()),
            Some(Value::Number(key)) => Some(key.to_string()),
            Some(key) => bail!(Selection, "expected text or a number as `key`, found {key}"),
        };
        if row.is_none() && key.is_none() {
            bail!(Selection, "expected a `row` or a `key`, found {}", names(fields));
        }
        let rating = fields
            .get(column)
            .with_context(|| format!("expected column `{column}`, found {}", names(fields)))?;
        let source = fields.get("source").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { row, key, source, rating: number(rating) })
    }
}

fn names(fields: &Map<String, Value>) -> String {
    fields.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The position of each rated row.
fn places(rated: &[Rated], table: &dyn KnownRows) -> Result<Vec<u64>> {
    let n_rows = table.n_rows();
    let rows = match rated.iter().all(|rated| rated.row.is_some()) {
        true => rated.iter().filter_map(|rated| rated.row).collect(),
        false => places_by_key(rated, table)?,
    };
    if let Some(row) = rows.iter().find(|&&row| row >= n_rows) {
        bail!(Selection, "expected a row below {n_rows}, the number of rows, found {row}");
    }
    let named = rated.iter().zip(&rows).map(|(rated, &row)| Named {
        row,
        key: rated.key.as_deref().map(ExampleKey::new),
        source: rated.source.clone(),
    });
    let named: Vec<Named> = named.filter(|named| named.key.is_some() || named.source.is_some()).collect();
    check_named(&named, table)?;
    Ok(rows)
}

/// The places of rows, if some ratings have a key only.
fn places_by_key(rated: &[Rated], table: &dyn KnownRows) -> Result<Vec<u64>> {
    let all: Vec<u64> = (0..table.n_rows()).collect();
    let names = table.names(&all)?;
    let by_key: std::collections::HashMap<&str, u64> =
        names.iter().map(|(key, _)| key.as_str()).zip(all.iter().copied()).collect();
    let place = |rated: &Rated| match (rated.row, &rated.key) {
        (Some(row), _) => Ok(row),
        (None, key) => {
            let key = key.as_deref().unwrap_or_default();
            by_key.get(key).copied().with_context(|| format!("no row has the key `{key}`"))
        }
    };
    rated.iter().map(place).collect()
}

/// A number, also one that is written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
