//! The first rows of a file, which tell what its columns are.

use std::path::Path;

use serde_json::{Map, Value};

use crate::container::{READ, Wanted};
use crate::original::Original;
use crate::{Container, Error, RowFault, Rows};

/// Readable rows that are kept.
const KEPT: usize = 64;
/// Rows that are looked at for them.
const LOOKED_AT: usize = 1000;

/// The first readable rows of a file; at least one.
pub(crate) struct Sample {
    pub(crate) rows: Vec<Map<String, Value>>,
}

impl Sample {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Empty`] without rows, [`Error::Container`] if none of the rows looked at can be read.
    pub(crate) fn of(rows_of_file: Rows, path: &Path) -> Result<Self, Error> {
        let mut rows = Vec::new();
        let mut fault: Option<RowFault> = None;
        for row in rows_of_file.take(LOOKED_AT) {
            match row?.fields {
                Ok(fields) => rows.push(fields),
                Err(found) => fault = fault.or(Some(found)),
            }
            if rows.len() == KEPT {
                break;
            }
        }
        match fault {
            _ if !rows.is_empty() => Ok(Self { rows }),
            None => Err(Error::Empty { path: path.to_owned() }),
            Some(fault) => {
                let reason = format!(
                    "no row can be read; the first of them: {}; what can be read is {READ}",
                    fault.reason
                );
                Err(Error::Container { path: path.to_owned(), reason })
            }
        }
    }

    /// Whether any of the rows has a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.rows.iter().any(|row| row.contains_key(column))
    }

    /// Every column of any of the rows, in the order in which they come.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        for name in self.rows.iter().flat_map(Map::keys) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        columns
    }
}

/// Whether any row of a file has a column; reads to the first that does.
pub(crate) fn has_column(file: &Original, container: &Container, column: &str) -> Result<bool, Error> {
    if let Some(names) = container.column_names(file)? {
        return Ok(names.iter().any(|name| name == column));
    }
    for row in Rows::open(file, container, Wanted::All)? {
        if row?.fields.is_ok_and(|fields| fields.contains_key(column)) {
            return Ok(true);
        }
    }
    Ok(false)
}
