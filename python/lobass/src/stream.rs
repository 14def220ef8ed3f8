//! Parquet files from and to Arrow's C stream interface, which pandas, Polars, pyarrow, and DuckDB speak.

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::command::LobassError;

/// The name that the interface gives its capsules.
const STREAM: &CStr = c"arrow_array_stream";
/// Rows of a group: readers hold one in memory.
const GROUP_ROWS: usize = 8192;

/// The rows of a Parquet file, as a capsule.
#[pyfunction]
pub(crate) fn open_stream(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyCapsule>> {
    let reader = reader(&path)?.build().map_err(|error| unreadable(&path, &error))?;
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

/// A reader of a Parquet file.
pub(crate) fn reader(path: &Path) -> PyResult<ParquetRecordBatchReaderBuilder<std::fs::File>> {
    let file = fs_err::File::open(path)?.into_parts().0;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> PyErr {
    LobassError::new_err(format!("cannot read `{}` as Parquet: {error}", path.display()))
}

/// Writes the rows of anything with `__arrow_c_stream__` to a Parquet file, and says how many there are.
#[pyfunction]
pub(crate) fn write_stream(py: Python<'_>, rows: &Bound<'_, PyAny>, path: PathBuf) -> PyResult<u64> {
    let capsule = rows.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
    let stream = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    #[expect(unsafe_code, reason = "a capsule of this name holds such a stream")]
    // SAFETY: the interface says what a capsule of this name points to. The stream is moved out, and what is left
    // there is marked as released, so the capsule frees nothing of it.
    let rows = unsafe { RecordBatchStreamReader::from_raw(stream.as_ptr()) };
    let written = py.detach(|| write(rows.context("the Arrow stream of the rows")?, &path));
    written.map_err(|error| LobassError::new_err(format!("the rows cannot be written as Parquet: {error:#}")))
}

fn write(rows: RecordBatchStreamReader, path: &Path) -> anyhow::Result<u64> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(fs_err::File::create(path)?, rows.schema(), Some(properties))?;
    let mut n_rows = 0;
    for batch in rows {
        let batch = batch?;
        n_rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(n_rows)
}
