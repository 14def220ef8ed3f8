//! The manifest of a score table, and its columns as Python lists.

use std::path::PathBuf;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;
use lobass_run::ScoreFile;
use parquet::arrow::ProjectionMask;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::command::LobassError;
use crate::stream;

/// The manifest of a score table, as JSON.
#[pyfunction]
pub(crate) fn manifest(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let read = || {
        let table = ScoreFile::open(&path)?;
        anyhow::Ok(serde_json::to_string(table.manifest())?)
    };
    py.detach(read).map_err(|error| LobassError::new_err(format!("{error:#}")))
}

/// The names of the columns of a Parquet file.
#[pyfunction]
pub(crate) fn column_names(path: PathBuf) -> PyResult<Vec<String>> {
    let fields = stream::reader(&path)?.schema().fields().clone();
    Ok(fields.iter().map(|field| field.name().clone()).collect())
}

/// The columns of a Parquet file by name: those that are asked for, or all. A column that is not there is left out.
#[pyfunction]
#[pyo3(signature = (path, names=None))]
pub(crate) fn columns(
    py: Python<'_>,
    path: PathBuf,
    names: Option<Vec<String>>,
) -> PyResult<Bound<'_, PyDict>> {
    let builder = stream::reader(&path)?;
    let fields = builder.schema().fields();
    let wanted: Vec<usize> = (0..fields.len())
        .filter(|at| names.as_ref().is_none_or(|names| names.contains(fields[*at].name())))
        .collect();
    let found = PyDict::new(py);
    for at in &wanted {
        found.set_item(fields[*at].name(), PyList::empty(py))?;
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let unreadable =
        |error: &dyn std::fmt::Display| LobassError::new_err(format!("`{}`: {error}", path.display()));
    for batch in builder.with_projection(mask).build().map_err(|error| unreadable(&error))? {
        let batch = batch.map_err(|error| unreadable(&error))?;
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let all = found.get_item(field.name())?.expect("set before").cast_into::<PyList>()?;
            let values = to_list(py, column.as_ref())
                .map_err(|error| unreadable(&format!("column `{}`: {error}", field.name())))?;
            all.call_method1("extend", (values,))?;
        }
    }
    Ok(found)
}

/// The values of a column, of those types that score tables have.
fn to_list<'py>(py: Python<'py>, column: &dyn Array) -> PyResult<Bound<'py, PyList>> {
    match column.data_type() {
        DataType::UInt32 => numbers(py, column.as_primitive::<UInt32Type>()),
        DataType::UInt64 => numbers(py, column.as_primitive::<UInt64Type>()),
        DataType::Float32 => numbers(py, column.as_primitive::<Float32Type>()),
        DataType::Float64 => numbers(py, column.as_primitive::<Float64Type>()),
        DataType::Utf8 => PyList::new(py, column.as_string::<i32>().iter().collect::<Vec<_>>()),
        DataType::List(_) => {
            let lists = column.as_list::<i32>().iter();
            let lists = lists.map(|list| list.map(|list| to_list(py, list.as_ref())).transpose());
            PyList::new(py, lists.collect::<PyResult<Vec<_>>>()?)
        }
        other => Err(LobassError::new_err(format!("expected a column of a score table, found {other}"))),
    }
}

fn numbers<'py, T: ArrowPrimitiveType>(
    py: Python<'py>,
    column: &PrimitiveArray<T>,
) -> PyResult<Bound<'py, PyList>>
where
    T::Native: IntoPyObject<'py>,
{
    PyList::new(py, column.iter().collect::<Vec<_>>())
}
