//! A score table, and its columns as Python lists and as a stream of Arrow.

use std::path::PathBuf;

use arrow_array::cast::AsArray as _;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;
use lobass::Scored;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};

use crate::observer::{Caller, LobassError};
use crate::rows::STREAM;

/// Scored rows: their losses, and the rows as far as they are at hand.
#[pyclass(frozen)]
pub(crate) struct Table(pub(crate) Scored);

#[pymethods]
impl Table {
    /// Opens a table in Parquet.
    #[staticmethod]
    fn open(py: Python<'_>, caller: &Caller, path: PathBuf) -> PyResult<Self> {
        let table = caller.call(py, |runtime| Scored::open(&path, None, runtime))?;
        table.table().parquet().map_err(|error| LobassError::new_err(error.to_string()))?;
        Ok(Self(table))
    }

    /// The manifest, as JSON.
    fn manifest(&self) -> String {
        serde_json::json!(self.0.manifest()).to_string()
    }

    /// Writes the table to a file, whole or not at all.
    fn write(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let written = py.detach(|| self.0.write(&path));
        written.map_err(|error| LobassError::new_err(error.explain()))
    }

    /// The names of the columns.
    fn column_names(&self) -> PyResult<Vec<String>> {
        let fields = self.reader()?.schema().fields().clone();
        Ok(fields.iter().map(|field| field.name().clone()).collect())
    }

    /// Columns by name: those that are asked for, or all. A column that is not there is left out.
    #[pyo3(signature = (names=None))]
    fn columns<'py>(&self, py: Python<'py>, names: Option<Vec<String>>) -> PyResult<Bound<'py, PyDict>> {
        let builder = self.reader()?;
        let fields = builder.schema().fields();
        let wanted: Vec<usize> = (0..fields.len())
            .filter(|at| names.as_ref().is_none_or(|names| names.contains(fields[*at].name())))
            .collect();
        let found = PyDict::new(py);
        for at in &wanted {
            found.set_item(fields[*at].name(), PyList::empty(py))?;
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        for batch in builder.with_projection(mask).build().map_err(|error| unreadable(&error))? {
            let batch = batch.map_err(|error| unreadable(&error))?;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let all = found.get_item(field.name())?.expect("set before").cast_into::<PyList>()?;
                all.call_method1("extend", (to_list(py, column.as_ref())?,))?;
            }
        }
        Ok(found)
    }

    /// The rows, as a capsule of Arrow's C stream interface.
    fn stream<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let reader = self.reader()?.build().map_err(|error| unreadable(&error))?;
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }
}

impl Table {
    fn reader(&self) -> PyResult<ParquetRecordBatchReaderBuilder<impl ChunkReader + 'static + use<>>> {
        let bytes = self.0.table().parquet().map_err(|error| unreadable(&error))?;
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> PyErr {
    LobassError::new_err(format!("the score table: {error}"))
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
        other => Err(unreadable(&format!("expected a column of a score table, found {other}"))),
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
