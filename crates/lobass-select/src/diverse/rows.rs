//! Rows that may be chosen, in an order that files do not decide.

use super::Vectors;
use super::vectors::cosine;

/// Rows with a direction, in the order of their hashes.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    vectors: Vectors<'a>,
    pub(super) rows: Vec<u32>,
    /// One over the length of the vector of each of them.
    scales: Vec<f32>,
    pub(super) n_without_vector: usize,
}

impl<'a> Rows<'a> {
    /// Puts rows in the order of their hashes.
    pub(super) fn by_hash(vectors: Vectors<'a>, eligible: &[u32], ties: &[u64]) -> Self {
        let mut rows = eligible.to_vec();
        rows.sort_unstable_by_key(|&row| (ties[row as usize], row));
        Self::in_order(vectors, rows)
    }

    /// Leaves rows in the order that they have.
    pub(super) fn in_order(vectors: Vectors<'a>, mut rows: Vec<u32>) -> Self {
        let n_rows = rows.len();
        let mut scales = Vec::with_capacity(n_rows);
        rows.retain(|&row| match vectors.scale(row) {
            Some(scale) => {
                scales.push(scale);
                true
            }
            None => false,
        });
        let n_without_vector = n_rows - rows.len();
        Self { vectors, rows, scales, n_without_vector }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The vector of the row at a place, and one over its length.
    pub(super) fn at(&self, place: usize) -> (&'a [f32], f32) {
        (self.vectors.row(self.rows[place]), self.scales[place])
    }

    /// The cosine between the rows at two places.
    pub(super) fn cosine(&self, one: usize, other: usize) -> f32 {
        cosine(self.at(one), self.at(other))
    }
}
