//! Vectors of rows, and how alike two of them are.

/// A vector for every row: row `r` has the values from `r * dim` on.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<'a> {
    values: &'a [f32],
    dim: usize,
}

/// Sums of a product of vectors that run beside each other.
const LANES: usize = 16;

impl<'a> Vectors<'a> {
    /// Looks at values as rows of `dim` of them. A row that has no vector may be NaN.
    ///
    /// # Panics
    /// If `dim` is zero, or if the values are no whole number of rows.
    pub fn new(values: &'a [f32], dim: usize) -> Self {
        assert!(dim > 0 && values.len().is_multiple_of(dim), "{} values in rows of {dim}", values.len());
        Self { values, dim }
    }

    /// The number of rows.
    pub fn len(self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    /// Values of a row.
    pub fn dim(self) -> usize {
        self.dim
    }

    /// All values, one row after the other.
    pub(crate) fn values(self) -> &'a [f32] {
        self.values
    }

    /// The vector of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(self, row: u32) -> &'a [f32] {
        &self.values[row as usize * self.dim..(row as usize + 1) * self.dim]
    }

    /// One over the length of a row's vector; `None` if that has no direction.
    pub(crate) fn scale(self, row: u32) -> Option<f32> {
        let squares = dot(self.row(row), self.row(row));
        let scale = squares.sqrt().recip();
        (squares.is_finite() && squares > 0.0 && scale.is_finite()).then_some(scale)
    }
}

/// The product of two vectors. Sums are in a fixed order: sixteen of them beside each other, added up at the end.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane] += left * right;
    }
    sums.iter().sum()
}

/// The square of the distance between two vectors, summed as [`dot`] does.
pub(super) fn squared_distance(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            let difference = left[lane] - right[lane];
            sums[lane] += difference * difference;
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane] += (left - right) * (left - right);
    }
    sums.iter().sum()
}

/// The cosine of the angle between two vectors, given one over the length of each. Rounding takes it nowhere beyond 1.
pub(super) fn cosine(left: (&[f32], f32), right: (&[f32], f32)) -> f32 {
    (dot(left.0, right.0) * left.1 * right.1).clamp(-1.0, 1.0)
}
