//! A matrix on disk, with a row for every row of a pool.
//!
//! [`MatrixWriter`] takes row after row and gives the file its name when it is whole; [`Matrix`] maps it into memory, so
//! that it may be larger than that. It is a safetensors file with the tensors `vectors`, `[n_rows, dim]`, and
//! `present`, `[n_rows]`: a row that has no vector is marked there, and NaN in the other. Its description is in its
//! metadata, as text.
//!
//! ```
//! use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
//!
//! # let dir = tempfile::tempdir()?;
//! let path = dir.path().join("vectors.safetensors");
//! let mut writer = MatrixWriter::create(&path, Shape { n_rows: 2, dim: 3 }, Format::F16, "{\"pool\": \"sums\"}")?;
//! writer.push(Some(&[0.5, 1.0, -2.0]))?;
//! writer.push(None)?;
//! writer.finish()?;
//!
//! let matrix = Matrix::open(&path)?;
//! assert_eq!(matrix.row(0).as_deref(), Some(&[0.5, 1.0, -2.0][..]));
//! assert_eq!(matrix.row(1), None);
//! assert_eq!(matrix.metadata(), "{\"pool\": \"sums\"}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod format;
mod read;
mod write;

pub use error::Error;
pub use format::{Format, Shape};
pub use read::Matrix;
pub use write::MatrixWriter;

/// The tensor of all rows.
const VECTORS: &str = "vectors";
/// The tensor that says which rows there are.
const PRESENT: &str = "present";
/// The key of the metadata.
const KEY: &str = "lobass";
