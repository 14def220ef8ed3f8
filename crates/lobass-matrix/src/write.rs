//! Writing a matrix, a row at a time.

use std::io::Write as _;
use std::path::Path;

use half::f16;
use lobass_files::WholeFile;
use serde_json::json;

use crate::{Error, Format, KEY, PRESENT, Shape, VECTORS};

/// A matrix that is being written, beside its final name. Dropped before [`MatrixWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct MatrixWriter {
    file: WholeFile,
    shape: Shape,
    format: Format,
    present: Vec<u8>,
    /// The bytes of one row.
    row: Vec<u8>,
}

/// Tensors begin at multiples of it, so that values can be read in mapped memory.
const ALIGNMENT: usize = 64;

impl MatrixWriter {
    /// Begins a matrix of the given shape. `metadata` describes its contents.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(path: &Path, shape: Shape, format: Format, metadata: &str) -> Result<Self, Error> {
        let mut file = WholeFile::create(path)?;
        file.write_all(&header(shape, format, metadata))?;
        Ok(Self {
            file,
            shape,
            format,
            present: Vec::with_capacity(shape.n_rows),
            row: Vec::with_capacity(shape.dim * format.width()),
        })
    }

    /// Adds the next row, or marks it as missing.
    ///
    /// # Errors
    /// [`Error::Misfit`] if it has another length, is one too many, or holds what is no finite number in the format;
    /// otherwise if the file cannot be written.
    pub fn push(&mut self, row: Option<&[f32]>) -> Result<(), Error> {
        let at = self.present.len();
        if at == self.shape.n_rows {
            return Err(self.misfit(format!("{at} rows"), "one more".to_owned()));
        }
        self.row.clear();
        match row {
            None => (0..self.shape.dim).for_each(|_| self.add(f32::NAN)),
            Some(values) => {
                if values.len() != self.shape.dim {
                    let (expected, found) = (self.shape.dim, values.len());
                    return Err(
                        self.misfit(format!("rows of {expected} values"), format!("{found} in row {at}"))
                    );
                }
                if let Some(value) = values.iter().find(|&&value| !self.holds(value)) {
                    let expected = format!("finite numbers in {}", self.format);
                    return Err(self.misfit(expected, format!("{value} in row {at}")));
                }
                for &value in values {
                    self.add(value);
                }
            }
        }
        self.present.push(u8::from(row.is_some()));
        Ok(self.file.write_all(&self.row)?)
    }

    /// Whether the format has a finite number for a value.
    pub fn holds(&self, value: f32) -> bool {
        match self.format {
            Format::F32 => value.is_finite(),
            Format::F16 => f16::from_f32(value).is_finite(),
        }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Misfit`] if rows are missing; otherwise if the file cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        let (expected, found) = (self.shape.n_rows, self.present.len());
        if expected != found {
            return Err(self.misfit(format!("{expected} rows"), found.to_string()));
        }
        self.file.write_all(&self.present)?;
        Ok(self.file.finish()?)
    }

    fn add(&mut self, value: f32) {
        match self.format {
            Format::F32 => self.row.extend(value.to_le_bytes()),
            Format::F16 => self.row.extend(f16::from_f32(value).to_le_bytes()),
        }
    }

    fn misfit(&self, expected: String, found: String) -> Error {
        Error::Misfit { path: self.file.path().to_owned(), expected, found }
    }
}

fn header(shape: Shape, format: Format, metadata: &str) -> Vec<u8> {
    let Shape { n_rows, dim } = shape;
    let end = n_rows * dim * format.width();
    let json = json!({
        "__metadata__": {KEY: metadata},
        VECTORS: {"dtype": format.name(), "shape": [n_rows, dim], "data_offsets": [0, end]},
        PRESENT: {"dtype": "U8", "shape": [n_rows], "data_offsets": [end, end + n_rows]},
    });
    let mut json = json.to_string().into_bytes();
    let start = (size_of::<u64>() + json.len()).next_multiple_of(ALIGNMENT);
    json.resize(start - size_of::<u64>(), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    header
}
