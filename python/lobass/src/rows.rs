//! Rows that can be scored: files, bytes, and tables by Arrow's C stream interface.

use std::ffi::CStr;

use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use lobass::Pool;
use lobass::sequences::{open_pool, pool_in_memory};
use lobass::settings::DataSettings;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::observer::{Caller, LobassError};
use crate::settings::read;

/// The name that the interface gives its capsules.
pub(crate) const STREAM: &CStr = c"arrow_array_stream";
/// The name of the source of rows in memory.
pub(crate) const SOURCE: &str = "rows";
/// Rows of a group: a reader holds one in memory.
const GROUP_ROWS: usize = 8192;

/// Rows that can be scored and trained on.
#[pyclass(frozen)]
pub(crate) struct Rows(pub(crate) Pool);

#[pymethods]
impl Rows {
    /// Files; `settings` is the JSON of data settings.
    #[staticmethod]
    fn of_files(py: Python<'_>, caller: &Caller, files: Vec<String>, settings: &str) -> PyResult<Self> {
        let settings = DataSettings { files, ..read(settings)? };
        caller.call(py, |runtime| open_pool(&settings, runtime)).map(Self)
    }

    /// JSON lines in memory.
    #[staticmethod]
    fn of_lines(py: Python<'_>, caller: &Caller, lines: Vec<u8>, settings: &str) -> PyResult<Self> {
        let settings: DataSettings = read(settings)?;
        caller.call(py, |runtime| pool_in_memory(SOURCE, lines, &settings, runtime)).map(Self)
    }

    /// Anything with `__arrow_c_stream__`. It is kept as Parquet in memory.
    #[staticmethod]
    fn of_stream(py: Python<'_>, caller: &Caller, rows: &Bound<'_, PyAny>, settings: &str) -> PyResult<Self> {
        let settings: DataSettings = read(settings)?;
        let capsule = rows.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
        let stream = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
        #[expect(unsafe_code, reason = "a capsule of this name holds such a stream")]
        // SAFETY: the interface says what a capsule of this name points to. The stream is moved out, and what is left
        // there is marked as released, so the capsule frees nothing of it.
        let stream = unsafe { RecordBatchStreamReader::from_raw(stream.as_ptr()) };
        let unreadable = |error: &dyn std::fmt::Display| LobassError::new_err(format!("the rows: {error}"));
        let stream = stream.map_err(|error| unreadable(&error))?;
        let (bytes, n_rows) = py.detach(|| to_parquet(stream)).map_err(|error| unreadable(&error))?;
        if n_rows == 0 {
            return Err(PyValueError::new_err("rows: expected at least one, found none"));
        }
        caller.call(py, |runtime| pool_in_memory(SOURCE, bytes, &settings, runtime)).map(Self)
    }
}

/// The rows as a Parquet file in memory, and their number.
fn to_parquet(rows: RecordBatchStreamReader) -> Result<(Vec<u8>, usize), parquet::errors::ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
    let mut n_rows = 0;
    for batch in rows {
        let batch = batch?;
        n_rows += batch.num_rows();
        writer.write(&batch)?;
    }
    Ok((writer.into_inner()?, n_rows))
}
