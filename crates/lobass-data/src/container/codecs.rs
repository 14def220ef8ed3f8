//! Which compressions of Parquet files this build reads.

use std::path::Path;

use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::Error;

/// Checks that this build can read every column of a Parquet file, before any of it is read.
///
/// # Errors
/// [`Error::Codec`] if the file has a compression that only a feature reads.
pub fn require_codecs(path: &Path, metadata: &ParquetMetaData) -> Result<(), Error> {
    let mut columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    if !cfg!(feature = "brotli")
        && columns.any(|column| matches!(column.compression(), Compression::BROTLI(_)))
    {
        return Err(Error::Codec { path: path.to_owned(), codec: "brotli", feature: "brotli" });
    }
    Ok(())
}
