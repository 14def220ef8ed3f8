//! The place of a tensor of the model inside a tensor of the file.

use std::borrow::Cow;
use std::ops::Range;

/// The part of a file's tensor that is one tensor of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The matrix in a stack of matrices; `None` if the tensor is no stack.
    pub(crate) slab: Option<usize>,
    /// For each row of the model's tensor, its row in the file; `None` if these are all rows in order.
    pub(crate) rows: Option<Vec<usize>>,
    /// Whether the file has rows as columns.
    pub(crate) transposed: bool,
}

/// A matrix of the file: its first byte, and its shape as the model sees it.
struct Matrix {
    start: usize,
    rows: usize,
    /// Bytes of a value if transposed, else of a row.
    unit: usize,
    /// Values of a row if transposed, else 1.
    columns: usize,
}

impl Piece {
    /// Whether it is the file's tensor as it stands.
    pub(crate) fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    /// Some rows of the piece.
    pub(crate) fn some_rows(&self, rows: Range<usize>) -> Self {
        let rows = match &self.rows {
            None => rows.collect(),
            Some(all) => all[rows].to_vec(),
        };
        Self { slab: self.slab, rows: Some(rows), transposed: self.transposed }
    }

    /// Takes the piece out of a tensor of this shape, with values of `size` bytes.
    pub(crate) fn taken<'a>(&self, stored: &'a [u8], shape: &[usize], size: usize) -> Cow<'a, [u8]> {
        let matrix = self.matrix(shape, size);
        if self.rows.is_none() && !self.transposed {
            return Cow::Borrowed(&stored[matrix.start..matrix.start + matrix.rows * matrix.unit]);
        }
        let n_rows = self.rows.as_ref().map_or(matrix.rows, Vec::len);
        let mut taken = Vec::with_capacity(n_rows * matrix.columns * matrix.unit);
        self.each_unit(&matrix, |at| taken.extend_from_slice(&stored[at..at + matrix.unit]));
        Cow::Owned(taken)
    }

    /// Puts the piece into a tensor of this shape; the inverse of [`Piece::taken`].
    pub(crate) fn put(&self, piece: &[u8], stored: &mut [u8], shape: &[usize], size: usize) {
        let matrix = self.matrix(shape, size);
        let mut units = piece.chunks_exact(matrix.unit);
        self.each_unit(&matrix, |at| {
            let unit = units.next().unwrap_or_else(|| unreachable!("a piece has all its rows"));
            stored[at..at + matrix.unit].copy_from_slice(unit);
        });
    }

    fn matrix(&self, shape: &[usize], size: usize) -> Matrix {
        let inner = if self.slab.is_some() { &shape[1..] } else { shape };
        let bytes = inner.iter().product::<usize>() * size;
        let start = self.slab.unwrap_or_default() * bytes;
        match (self.transposed, inner) {
            (true, &[columns, rows]) => Matrix { start, rows, unit: size, columns },
            _ => Matrix { start, rows: inner[0], unit: bytes / inner[0].max(1), columns: 1 },
        }
    }

    /// Calls `take` with the first byte of each row, or of each value of each row, in the model's order.
    fn each_unit(&self, matrix: &Matrix, mut take: impl FnMut(usize)) {
        let n_rows = self.rows.as_ref().map_or(matrix.rows, Vec::len);
        for row in 0..n_rows {
            let row = self.rows.as_ref().map_or(row, |rows| rows[row]);
            for column in 0..matrix.columns {
                take(matrix.start + (column * matrix.rows + row) * matrix.unit);
            }
        }
    }
}
